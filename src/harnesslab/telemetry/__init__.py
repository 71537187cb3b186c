"""What the machine did while trials ran. What cannot be measured is absent with a reason, never zero."""
