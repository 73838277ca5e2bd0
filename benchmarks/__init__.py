"""Speed side by side with the official TFX taxi template, on the same machine, in turn."""
