"""Score the tables on recorded exchanges: at least 99 % of the labels, and never a false positive."""

import pytest
from corpus import FIELDS, allowed, load, score, secrets_told, table, told

from opentelemetry.instrumentation.oauth.protocol.endpoints import LAST_SEGMENTS
from opentelemetry.instrumentation.oauth.protocol.paths import split
from opentelemetry.instrumentation.oauth.protocol.request import may_be_oauth

SAMPLES = ("exchanges.jsonl", "exchanges_more.jsonl")


@pytest.mark.parametrize("name", SAMPLES)
def test_scores(name, capsys):
    right, every, misses = score(load(name))
    with capsys.disabled():
        print(f"\n{name}\n{table(right, every)}", *misses, sep="\n")
    for field in FIELDS:
        assert right[field] / every[field] >= 0.99, (field, misses)


@pytest.mark.parametrize("name", SAMPLES)
def test_no_false_positive(name):
    assert [
        exchange["id"]
        for exchange in load(name)
        if told(exchange)["endpoint"] not in allowed(exchange)["endpoint"]
        and "none" in allowed(exchange)["endpoint"]
    ] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_no_secret_is_told(name):
    assert [told for exchange in load(name) for told in secrets_told(exchange)] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_prefilter_lets_every_oauth_request_through(name):
    for exchange in load(name):
        sent = exchange["request"]
        if told(exchange)["endpoint"] == "none":
            continue
        address = split(sent["url"])
        body = sent["body"].encode() if sent["body"] else None
        assert may_be_oauth(sent["method"], address.path, address.query, body, LAST_SEGMENTS)
        whole = sent["url"].partition("?")[0]
        assert may_be_oauth(sent["method"], whole, address.query, body, LAST_SEGMENTS)
