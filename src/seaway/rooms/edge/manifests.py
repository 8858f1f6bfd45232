"""The gateway and its policies, as Gateway API and Envoy Gateway objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from seaway.model.gateway import EDGE, ENVOY_API, GATEWAY_API, OWNER, TLS_SECRET
from seaway.model.manifests import SYSTEM_NAMESPACE, Manifest, Output, labels
from seaway.rooms.edge import hardening
from seaway.rooms.edge.spec import EdgeSpec

ROOM: Final = "edge"
CLASS: Final = "seaway"
CONTROLLER: Final = "gateway.envoyproxy.io/gatewayclass-controller"
HTTPS_PORT: Final = 443
#: The edge lets an idle connection go before the server behind it does (gunicorn by default after 2 s, others
#: after 5 or 75 s): a request that meets a closing connection is lost.
IDLE: Final = "1s"
#: Upper bounds of the latency histograms in milliseconds, from 1 ms to 60 s. The next but one is 1.5 times as
#: much: what the guards of crossings allow by default is on an edge, and nothing is lost by rounding to one.
BUCKETS: Final = (*(1.5 ** (n / 2) for n in range(54)), 60000.0)

#: Seconds that what was sent to a server may stay without a word that it arrived.
SILENCE: Final = 5
#: Leave out for a while a pod to which no connection comes about, three times in a row, and half of them at
#: most: Kubernetes takes a node for dead only after 20 s (50 s elsewhere). By then the pod is no endpoint.
PASSIVE: Final = {
    "splitExternalLocalOriginErrors": True,
    "consecutiveLocalOriginFailures": 3,
    "interval": "1s",
    "baseEjectionTime": "30s",
    "maxEjectionPercent": 50,
}

_RUNTIME: Final = "/layered_runtime/layers/0/static_layer"

#: How long a proxy that leaves goes on serving; behind a load balancer until that has noticed, which asks
#: each node every 10 s and believes the third answer.
SHUTDOWN: Final = {"drainTimeout": "30s", "minDrainDuration": "5s"}
PATIENT: Final = {"drainTimeout": "90s", "minDrainDuration": "45s"}
#: The annotations of a Service by which a cloud makes its load balancer.
Balancer = Mapping[str, str | Output]
_AWS: Final = "service.beta.kubernetes.io/aws-load-balancer"
#: A Network Load Balancer that the internet reaches (Kubernetes: cloud-provider-aws, Service annotations).
NETWORK_BALANCER: Final = {
    f"{_AWS}-type": "nlb",
    f"{_AWS}-scheme": "internet-facing",
    f"{_AWS}-cross-zone-load-balancing-enabled": "true",
}
#: The same where EKS Auto Mode makes it (EKS user guide, Use Service Annotations to configure Network Load
#: Balancers); its class is the one of such a cluster by itself.
AUTO_BALANCER: Final = {
    f"{_AWS}-scheme": "internet-facing",
    f"{_AWS}-nlb-target-type": "instance",
    f"{_AWS}-attributes": "load_balancing.cross_zone.enabled=true",
}


#: By this annotation a balancer ends TLS, with the certificate that it names.
SHOWN: Final = f"{_AWS}-ssl-cert"
#: What such a balancer speaks with visitors, by the oldest version of TLS (Elastic Load Balancing user guide,
#: TLS listeners): forward secrecy and GCM, as the gateway itself.
_SUITES: Final = {
    "1.2": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "1.3": "ELBSecurityPolicy-TLS13-1-3-2021-06",
}


def ending_tls(tls: str) -> dict[str, str | Output]:
    """Have the balancer end TLS at port 443 with the certificate of the cloud, and speak TLS to the proxies.

    It does not ask who vouches for these. `tls` is the oldest version.
    """
    return {
        SHOWN: Output("cluster/certificate"),
        f"{_AWS}-ssl-ports": str(HTTPS_PORT),
        f"{_AWS}-backend-protocol": "ssl",
        f"{_AWS}-ssl-negotiation-policy": _SUITES[tls],
    }


def gateway_class(system: str) -> Manifest:
    return {
        "apiVersion": GATEWAY_API,
        "kind": "GatewayClass",
        "metadata": {"name": CLASS, "labels": labels(system, "gateway", CLASS)},
        "spec": {"controllerName": CONTROLLER},
    }


def proxy(system: str, spec: EdgeSpec, balancer: Balancer | None = None) -> Manifest:
    """Shape the proxies: how many, from which image, and how they leave without dropping anything.

    `balancer` are the annotations for a load balancer that stands between visitors and nodes: it goes to
    nodes with a proxy only, which so learn who the visitor is, and notices late that a proxy leaves.
    """
    own = {
        "gateway.envoyproxy.io/owning-gateway-name": EDGE,
        OWNER: system,
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": own},
    }
    deployment = {
        "replicas": spec.replicas,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "pod": {"topologySpreadConstraints": [spread]},
        "container": {
            "image": Output("images/envoy"),
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        },
        "patch": {"type": "StrategicMerge", "value": {"spec": {"template": {"spec": _probes()}}}},
    }
    kubernetes = {
        "envoyDeployment": deployment,
        "envoyService": _service(balancer),
        "envoyPDB": {"maxUnavailable": 1},
    }
    return {
        "apiVersion": ENVOY_API,
        "kind": "EnvoyProxy",
        "metadata": _meta(system, EDGE),
        "spec": {
            "ipFamily": "IPv4",
            "provider": {"type": "Kubernetes", "kubernetes": kubernetes},
            "shutdown": SHUTDOWN if balancer is None else PATIENT,
            "logging": {"level": {"default": "warn"}},
            "telemetry": {"accessLog": hardening.access_log(spec)},
            "bootstrap": {"type": "JSONPatch", "jsonPatches": [*_statistics(), *_deaths()]},
        },
    }


def _service(balancer: Balancer | None) -> dict[str, Any]:
    if balancer is None:
        return {"type": "LoadBalancer", "externalTrafficPolicy": "Cluster"}
    told = {"annotations": dict(balancer)} if balancer else {}
    return {"type": "LoadBalancer", "externalTrafficPolicy": "Local", **told}


def _statistics() -> list[dict[str, Any]]:
    """Make the proxies' histograms fine enough for guards, and fresh once a second (Envoy: Bootstrap)."""
    settings = [{"match": {"suffix": "upstream_rq_time"}, "buckets": list(BUCKETS)}]
    return [
        {"op": "add", "path": "/stats_config/histogram_bucket_settings", "value": settings},
        {"op": "add", "path": "/stats_flush_interval", "value": "1s"},
    ]


def _deaths() -> list[dict[str, Any]]:
    """Give a connection up on which the other end is silent, and leave out only who cannot be reached.

    (Envoy: Bootstrap, Runtime; tcp(7)) What a pod answers, however bad, is a matter of the crossing's guards.
    """
    silence = {"description": "TCP_USER_TIMEOUT", "level": 6, "name": 18, "int_value": SILENCE * 1000}
    settings = {
        "/cluster_manager/upstream_bind_config": {"socket_options": [silence]},
        f"{_RUNTIME}/outlier_detection.enforcing_consecutive_5xx": 0,
        f"{_RUNTIME}/outlier_detection.enforcing_success_rate": 0,
    }
    return [{"op": "add", "path": path, "value": value} for path, value in settings.items()]


def _probes() -> dict[str, Any]:
    """Ask often while it starts, and be patient with a busy one: the default gives up after a second."""
    start = {"periodSeconds": 1, "failureThreshold": 120, "timeoutSeconds": 5}
    ready = {"periodSeconds": 5, "failureThreshold": 3, "timeoutSeconds": 5}
    alive = {"periodSeconds": 10, "failureThreshold": 6, "timeoutSeconds": 5}
    probes = {"startupProbe": start, "readinessProbe": ready, "livenessProbe": alive}
    return {"containers": [{"name": name, **probes} for name in ("envoy", "shutdown-manager")]}


def gateway(system: str) -> Manifest:
    """Open port 80, which only redirects, and port 443."""
    routes = {"namespaces": {"from": "Same"}}
    certificate = {"group": "", "kind": "Secret", "name": TLS_SECRET}
    return {
        "apiVersion": GATEWAY_API,
        "kind": "Gateway",
        "metadata": _meta(system, EDGE),
        "spec": {
            "gatewayClassName": CLASS,
            "infrastructure": {
                "parametersRef": {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": EDGE}
            },
            "listeners": [
                {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": routes},
                {
                    "name": "https",
                    "port": HTTPS_PORT,
                    "protocol": "HTTPS",
                    "allowedRoutes": routes,
                    "tls": {"mode": "Terminate", "certificateRefs": [certificate]},
                },
            ],
        },
    }


def redirect(system: str, names: Sequence[str], https: int) -> Manifest:
    """Send whoever comes over HTTP to HTTPS; `https` is the port under which the outside reaches it."""
    to: dict[str, Any] = {"scheme": "https", "statusCode": 301}
    if https != HTTPS_PORT:
        to["port"] = https
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "filters": [{"type": "RequestRedirect", "requestRedirect": to}],
    }
    return route(system, "redirect", "http", names, [rule])


def client_policy(system: str, spec: EdgeSpec) -> Manifest:
    """Speak modern TLS with clients, offer HTTP/2 or more, and tell browsers to come back over HTTPS."""
    hsts = [{"name": "Strict-Transport-Security", "value": f"max-age={spec.hsts}"}] if spec.hsts else []
    asked = {**hardening.client(spec, hsts), "tls": hardening.tls(spec)}
    if spec.http3:
        asked["http3"] = {}
    return _client_policy(system, EDGE, "https", asked)


def plain_policy(system: str, spec: EdgeSpec) -> Manifest:
    """Bound the clients of port 80 as those of port 443; HSTS is nothing for it (RFC 6797, 7.2)."""
    return _client_policy(system, "redirect", "http", hardening.client(spec))


def _client_policy(system: str, name: str, section: str, asked: dict[str, Any]) -> Manifest:
    return {
        "apiVersion": ENVOY_API,
        "kind": "ClientTrafficPolicy",
        "metadata": _meta(system, name),
        "spec": {"targetRefs": [{**_gateway_ref(), "sectionName": section}], **asked},
    }


def security_policy(system: str, closed: Sequence[str], inside: Sequence[str]) -> Manifest:
    """Close paths to the outside, whatever leads to them."""
    return {
        "apiVersion": ENVOY_API,
        "kind": "SecurityPolicy",
        "metadata": _meta(system, EDGE),
        "spec": {
            "targetRefs": [{**_gateway_ref(), "sectionName": "https"}],
            "authorization": hardening.authorization(closed, inside),
        },
    }


def backend_policy(system: str, spec: EdgeSpec) -> Manifest:
    """Retry only what never reached a server; of the proxy's limits only those for one client refuse."""
    return {
        "apiVersion": ENVOY_API,
        "kind": "BackendTrafficPolicy",
        "metadata": _meta(system, EDGE),
        "spec": {
            "targetRefs": [_gateway_ref()],
            "timeout": {"tcp": {"connectTimeout": "3s"}, "http": {"connectionIdleTimeout": IDLE}},
            "tcpKeepalive": {"idleTime": "10s", "interval": "5s", "probes": 2},
            "healthCheck": {"passive": PASSIVE},
            "retry": {
                "numRetries": 4,
                # The second attempt already goes to the cluster behind, where there is one.
                "numAttemptsPerPriority": 1,
                "retryOn": {"triggers": ["connect-failure", "refused-stream", "reset-before-request"]},
                "perRetry": {"backOff": {"baseInterval": "25ms", "maxInterval": "250ms"}},
            },
            "circuitBreaker": {
                "maxConnections": 4096,
                "maxPendingRequests": 4096,
                "maxParallelRequests": 4096,
                "maxParallelRetries": 1024,
            },
            "loadBalancer": {"type": "LeastRequest"},
            **hardening.requests(spec),
        },
    }


def gateway_namespace(system: str) -> Manifest:
    meta = {"name": SYSTEM_NAMESPACE, "labels": labels(system, "gateway", SYSTEM_NAMESPACE)}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def route(
    system: str, name: str, section: str, names: Sequence[str], rules: list[dict[str, Any]]
) -> Manifest:
    """Compose an HTTPRoute of one listener of the gateway, for visitors of these names (Gateway API v1)."""
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": _meta(system, name),
        "spec": {
            "parentRefs": [{**_gateway_ref(), "sectionName": section}],
            "hostnames": list(names),
            "rules": rules,
        },
    }


def _gateway_ref() -> dict[str, str]:
    return {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": EDGE}


def _meta(system: str, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": system, "labels": labels(system, ROOM, name)}
