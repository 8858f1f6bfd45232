"""Seaway takes a Python web system from its monolith to microservices on Kubernetes."""
