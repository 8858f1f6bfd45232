"""Requests through the gateway as a metric, by which autoscalers go: counted in the cluster, by pods."""
