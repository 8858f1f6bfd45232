"""The public name: who owns its records, where they lead, and how they move there and back."""
