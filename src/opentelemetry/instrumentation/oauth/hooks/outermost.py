"""The ``opentelemetry_post_instrument`` entry point: ours becomes the outermost, if it is on."""

from opentelemetry.instrumentation.oauth.guard import report
from opentelemetry.instrumentation.oauth.hooks.registry import registry


def make_outermost() -> None:
    """Run after all instrumentors; also when ours is disabled, and then does nothing."""
    try:
        registry.make_outermost()
    except Exception as problem:  # noqa: BLE001 - it would abort the program's instrumentation
        report("putting our wrappers outermost", problem)
