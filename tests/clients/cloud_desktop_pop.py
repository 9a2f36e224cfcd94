"""The life of CloudDesktop's desktops through @alicloud/pop-core, which pop_core.js speaks for."""

import json
import pathlib
import subprocess
import sys
import time

from cloud_desktop_life import Life
from lifecycle import Refused, expect_refused

VERSION = "2017-03-01"


class Pop:
    """A client in a process of its own: a request a line, an answer a line."""

    def __init__(self, base, key, secret, version=VERSION):
        script = pathlib.Path(__file__).with_name("pop_core.js")
        self.process = subprocess.Popen(
            ["node", script, base, key, secret, version],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def __call__(self, action, **parameters):
        # Reads in the query, changes in a form body.
        method = "GET" if action.startswith("Describe") else "POST"
        line = json.dumps({"action": action, "parameters": parameters, "method": method})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        outcome = json.loads(self.process.stdout.readline())
        if "refused" in outcome:
            raise Refused(outcome["refused"])
        return outcome["answer"]


def main(base, key, secret):
    with Pop(base, key, secret) as call:
        life = Life(call, base, key)
        life.run()
        life.beyond_the_document()

        call("DescribeRegions", SignatureNonce="pop-nonce-used-twice")
        expect_refused("SignatureNonceUsed", lambda: call("DescribeRegions", SignatureNonce="pop-nonce-used-twice"))
        past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 16 * 60))
        expect_refused("InvalidTimeStamp.Expired", lambda: call("DescribeRegions", Timestamp=past))
        expect_refused("InvalidApi.NotFound", lambda: call("DescribeWeather"))
    for other, code in [
        ((key, "wrong"), "SignatureDoesNotMatch"),
        (("nobody", secret), "InvalidAccessKeyId.NotFound"),
        ((key, secret, "2015-01-01"), "InvalidVersion"),
    ]:
        with Pop(base, *other) as call:
            expect_refused(code, lambda: call("DescribeRegions"))


if __name__ == "__main__":
    main(*sys.argv[1:4])
