"""What would stop a pipeline job, found before it is submitted; nothing here changes anything in the cloud."""
