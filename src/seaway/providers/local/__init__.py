"""The local provider: a real Kubernetes with real nodes on this machine.

Read in this order: `clusters` (the recipes), `home` (folders and addresses), `engine` (the programs),
`control` and `node` (what runs), `network`, `supervisor`, `cgroups`, `pki`, `addons`.
"""
