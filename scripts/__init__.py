"""What the README and CI call, and the code behind it."""
