"""The life of a cluster through alibabacloud_gws20190618: POST, system parameters in the query, its own in the body."""

import logging
import sys
import time
from urllib.parse import urlsplit

from alibabacloud_gws20190618 import models
from alibabacloud_gws20190618.client import Client
from alibabacloud_tea_openapi import models as open_api
from alibabacloud_tea_util import models as util
from darabonba.exceptions import DaraException

from lifecycle import Life, Refused, expect_refused


def client(base, key, secret):
    config = open_api.Config(
        access_key_id=key,
        access_key_secret=secret,
        endpoint=urlsplit(base).netloc,
        protocol="http",
    )
    return Client(config)


def caller(base, key, secret, **system):
    """Calls by the action's name; `system` replaces system parameters, as no honest client would."""
    sdk = client(base, key, secret)
    methods = {name.replace("_", ""): getattr(sdk, name) for name in dir(sdk) if name.endswith("_with_options")}
    runtime = util.RuntimeOptions()
    if system:
        runtime.extends_parameters = util.ExtendsParameters(queries=system)

    def call(action, **parameters):
        method = methods[f"{action.lower()}withoptions"]
        try:
            if hasattr(models, f"{action}Request"):
                request = getattr(models, f"{action}Request")().from_map(parameters)
                response = method(request, runtime)
            else:
                response = method(runtime)
        except DaraException as error:
            raise Refused(error.code) from error
        return response.body.to_map()

    return call


def main(base, key, secret):
    call = caller(base, key, secret)
    Life(call, base).run()

    expect_refused("SignatureDoesNotMatch", lambda: caller(base, key, "wrong")("DescribeClusters"))
    expect_refused("InvalidAccessKeyId.NotFound", lambda: caller(base, "nobody", secret)("DescribeClusters"))
    replayed = caller(base, key, secret, SignatureNonce="tea-nonce-used-twice")
    replayed("DescribeClusters")
    expect_refused("SignatureNonceUsed", lambda: replayed("DescribeClusters"))
    past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 16 * 60))
    expect_refused("InvalidTimeStamp.Expired", lambda: caller(base, key, secret, Timestamp=past)("DescribeClusters"))
    expect_refused("InvalidVersion", lambda: caller(base, key, secret, Version="2015-01-01")("DescribeClusters"))
    expect_refused("MissingParameter", lambda: call("StopInstance"))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    main(*sys.argv[1:4])
