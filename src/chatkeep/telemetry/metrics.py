"""Metrics for Prometheus, kept by one server: counted and timed here, shown by `Metrics.page`.

Names and units follow https://prometheus.io/docs/practices/naming/. Labels have few values: no ids, no names of
keys, no models. Each is described in docs/operate.md.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from chatkeep.access.answered import Answered
from chatkeep.chat.model import CheckResult, Stats, Usage
from chatkeep.chat.observe import RunObserver
from chatkeep.chat.ports import ProviderInfo, ProviderState
from chatkeep.chat.run import Run
from chatkeep.errors import ChatkeepError
from chatkeep.telemetry.requests import UNMATCHED

_REQUEST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_FIRST_TOKEN_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 3, 5, 10, 20, 30, 60)
_RUN_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)
_DISK_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)

_MOST_TOKENS = 2**53  # whatever a provider says it counted


class Metrics:
    """The figures of one server. Two servers in a process have nothing in common."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        Gauge(
            "chatkeep_build_info", "Always 1; the label tells the version.", ["version"], registry=self._registry
        ).labels(version).set(1)
        self.requests = RequestMetrics(self._registry)
        self.runs = RunMetrics(self._registry)
        self.calls = CallMetrics(self._registry)
        self.store = OperationMetrics("store", "the store of chats", self._registry)
        self.journal = OperationMetrics("journal", "the journals of runs", self._registry)

    def watch(self, read: Mapping[str, Callable[[], float]], providers: Callable[[], Sequence[ProviderInfo]]) -> None:
        """Read these gauges whenever the page is asked for; `read` has every name of `_GAUGES`."""
        for name, documentation in _GAUGES.items():
            Gauge(f"chatkeep_{name}", documentation, registry=self._registry).set_function(read[name])
        self._registry.register(_Providers(providers))

    def page(self, accept: str) -> tuple[bytes, str]:
        """All figures in a form that this Accept header takes, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(_Lean(self._registry)), content_type


_GAUGES = {
    "runs_going": "Runs that a provider is answering, or that are being saved.",
    "runs_waiting": "Runs that wait for an earlier one of their chat.",
    "journal_runs_waiting": "Runs with events that are not in their journal yet.",
    "index_changes_waiting": "Changes of chats that are not in the index yet.",
    "open_streams": "Answers that are being streamed.",
    "open_websockets": "WebSockets that are open.",
}


class RequestMetrics:
    """A RequestObserver: counts requests and times them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count = Counter(
            "chatkeep_http_requests", "Requests that were answered.", ["method", "route", "status"], registry=registry
        )
        self._duration = Histogram(
            "chatkeep_http_request_duration_seconds",
            "From a request to the last byte of its answer.",
            ["method", "route"],
            buckets=_REQUEST_S,
            registry=registry,
        )
        # Why: the library looks its children up under a lock, for 1 µs each.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def __call__(self, answered: Answered, /) -> None:
        """Count one request."""
        key = (answered.method, answered.route, answered.status)
        children = self._children.get(key)
        if children is None:
            method, route = answered.method, answered.route or UNMATCHED
            children = self._count.labels(method, route, str(answered.status)), self._duration.labels(method, route)
            self._children[key] = children
        children[0].inc()
        children[1].observe(answered.duration_s)


class RunMetrics(RunObserver):
    """Counts runs and tokens, and times providers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = Counter("chatkeep_runs", "Runs that ended.", ["provider", "state"], registry=registry)
        self._tokens = Counter(
            "chatkeep_tokens",
            "Tokens of runs that ended, and of checks.",
            ["provider", "kind", "estimated"],
            registry=registry,
        )
        self._cost = Counter(
            "chatkeep_cost_usd",
            "List price of runs that ended and of what checks and titles ask, where it is known.",
            ["provider"],
            registry=registry,
        )
        self._first_token = Histogram(
            "chatkeep_time_to_first_token_seconds",
            "From the call of a provider to its first token.",
            ["provider"],
            buckets=_FIRST_TOKEN_S,
            registry=registry,
        )
        self._checks = Counter("chatkeep_checks", "Opinions of checks.", ["check", "verdict"], registry=registry)
        self._duration = Histogram(
            "chatkeep_run_duration_seconds",
            "From the call of a provider to the end of its reply.",
            ["provider"],
            buckets=_RUN_S,
            registry=registry,
        )

    def run_ended(self, run: Run) -> None:
        """Count one run."""
        provider = run.provider
        self._ended.labels(provider, run.state.value).inc()
        self._count_use(run)
        if run.reply.stats is not None:
            self._time(provider, run.reply.stats)

    def message_checked(self, results: Sequence[CheckResult]) -> None:
        """Count each opinion."""
        for result in results:
            self._checks.labels(result.name, result.verdict).inc()

    def model_asked(self, run: Run) -> None:
        """Count the tokens that the server used for itself, and what they cost."""
        self._count_use(run)

    def _count_use(self, run: Run) -> None:
        if run.reply.usage is not None:
            self._count_tokens(run.provider, run.reply.usage)
        if run.reply.cost_usd is not None:
            self._cost.labels(run.provider).inc(run.reply.cost_usd)

    def _count_tokens(self, provider: str, usage: Usage) -> None:
        estimated = "true" if usage.estimated else "false"
        for kind, tokens in (("prompt", usage.prompt_tokens), ("completion", usage.completion_tokens)):
            self._tokens.labels(provider, kind, estimated).inc(max(0, min(tokens, _MOST_TOKENS)))

    def _time(self, provider: str, stats: Stats) -> None:
        if not stats.elapsed_ms:  # the provider was never called
            return
        self._duration.labels(provider).observe(stats.elapsed_ms / 1000)
        if stats.time_to_first_token_ms is not None:
            self._first_token.labels(provider).observe(stats.time_to_first_token_ms / 1000)


class CallMetrics:
    """Counts the calls of providers: a run makes several when the first ones fail."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count = Counter(
            "chatkeep_provider_calls", "Calls of providers that ended.", ["provider", "outcome"], registry=registry
        )

    def __call__(self, provider: str, error: Exception | None, /) -> None:
        """Count one call; None is success."""
        known = error if isinstance(error, ChatkeepError) else ChatkeepError
        self._count.labels(provider, "ok" if error is None else known.code).inc()


class OperationMetrics:
    """Times the operations of one part of the storage, and counts those that failed."""

    def __init__(self, name: str, what: str, registry: CollectorRegistry) -> None:
        self._duration = Histogram(
            f"chatkeep_{name}_operation_duration_seconds",
            f"Operations of {what}, those that failed included.",
            ["operation"],
            buckets=_DISK_S,
            registry=registry,
        )
        self._failures = Counter(
            f"chatkeep_{name}_failures", f"Operations of {what} that failed.", ["operation"], registry=registry
        )

    def of(self, operation: str) -> tuple[Histogram, Counter]:
        """The durations and the failures of one operation."""
        return self._duration.labels(operation), self._failures.labels(operation)


class _Lean(CollectorRegistry):
    """A registry without the moments at which each series was made: a third of the page, and hardly ever looked at."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """Every metric, made anew."""
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


class _Providers(Collector):
    """How each configured provider is."""

    def __init__(self, providers: Callable[[], Sequence[ProviderInfo]]) -> None:
        self._providers = providers

    def collect(self) -> Iterator[Metric]:
        """Two gauges a configured provider."""
        healthy = GaugeMetricFamily(
            "chatkeep_provider_healthy", "1 when the last check or call went well, else 0.", labels=["provider"]
        )
        is_open = GaugeMetricFamily(
            "chatkeep_provider_breaker_open",
            "1 while it has failed so often that it is not called, else 0.",
            labels=["provider"],
        )
        for info in self._providers():
            if info.state is not ProviderState.NOT_CONFIGURED:
                healthy.add_metric([info.name], float(info.state is ProviderState.HEALTHY))
                is_open.add_metric([info.name], float(info.retry_at is not None))
        yield from (healthy, is_open)
