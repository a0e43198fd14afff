"""Start-up shortcuts. Delete this folder and everything still works, only slower."""
