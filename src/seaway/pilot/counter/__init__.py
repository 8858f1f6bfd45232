"""The counter: serves the requests a second of each Service, as the gateway's proxies count them."""
