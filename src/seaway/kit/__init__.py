"""Tools that know nothing of Seaway: processes, YAML with lines, Kubernetes, HTTP."""
