"""Builds a HAR 1.2 document whose entries differ from one plain exchange only where told."""
import copy, json

PLAIN = {
    "startedDateTime": "2026-03-01T10:00:00.000Z", "time": 35,
    "request": {"method": "GET", "url": "https://example.test/", "httpVersion": "h2", "cookies": [], "headers": [],
                "queryString": [], "headersSize": -1, "bodySize": 0},
    "response": {"status": 200, "statusText": "", "httpVersion": "h2", "cookies": [],
                 "headers": [{"name": "content-type", "value": "text/plain"}],
                 "content": {"size": 5, "mimeType": "text/plain", "text": "hello"}, "redirectURL": "",
                 "headersSize": -1, "bodySize": 5},
    "cache": {}, "timings": {"blocked": -1, "dns": -1, "connect": 10, "ssl": 6, "send": 0, "wait": 20, "receive": 5},
}


def entry(request=None, response=None, **top):
    made = copy.deepcopy(PLAIN)
    made["request"].update(request or {})
    made["response"].update(response or {})
    made.update(top)
    return made


def write(name, entries, pages=None):
    log = {"version": "1.2", "creator": {"name": "by hand", "version": "1"}, "entries": entries}
    if pages is not None:
        log["pages"] = pages
    with open(name, "w") as out:
        json.dump({"log": log}, out)
