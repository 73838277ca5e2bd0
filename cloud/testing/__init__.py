"""Google Cloud on loopback: servers that the real, unpatched clients accept. Started together by
`cloud.testing.cloud.LocalCloud`."""
