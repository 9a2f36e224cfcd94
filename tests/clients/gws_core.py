"""The life of a cluster through aliyun-python-sdk-core: reads by GET, the rest by POST with a form body."""

import json
import logging
import sys
from unittest import mock
from urllib.parse import urlsplit

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest
from aliyunsdkcore.utils import parameter_helper

from lifecycle import Life, Refused, expect, expect_refused


def flat(parameters):
    """Lists of objects as `Name.1.Field`; this client leaves that to its user."""
    for name, value in parameters.items():
        if isinstance(value, list):
            for number, item in enumerate(value, 1):
                for field, text in item.items():
                    yield f"{name}.{number}.{field}", text
        else:
            yield name, value


def caller(base, key, secret, version="2019-06-18"):
    address = urlsplit(base)
    # Retries of its own would replay what the checks below count on.
    client = AcsClient(key, secret, "cn-hangzhou", port=address.port, auto_retry=False)

    def call(action, **parameters):
        request = RpcRequest("Gws", version, action)
        request.endpoint = address.hostname
        request.set_protocol_type("http")
        read = action.startswith("Describe")
        request.set_method("GET" if read else "POST")
        add = request.add_query_param if read else request.add_body_params
        for name, value in flat(parameters):
            add(name, value)
        try:
            return json.loads(client.do_action_with_exception(request))
        except ServerException as error:
            raise Refused(error.get_error_code()) from error

    return call


def main(base, key, secret):
    call = caller(base, key, secret)
    Life(call, base).run()

    # The client compares the server's string to sign with its own and says so when only the secret can be wrong.
    expect_refused("InvalidAccessKeySecret", lambda: caller(base, key, "wrong")("DescribeClusters"))
    expect_refused("InvalidAccessKeyId.NotFound", lambda: caller(base, "nobody", secret)("DescribeClusters"))
    with mock.patch.object(parameter_helper, "get_uuid", return_value="core-nonce-used-twice"):
        call("DescribeClusters")
        expect_refused("SignatureNonceUsed", lambda: call("DescribeClusters"))
    with mock.patch.object(parameter_helper, "get_iso_8061_date", return_value="2020-01-01T00:00:00Z"):
        expect_refused("InvalidTimeStamp.Expired", lambda: call("DescribeClusters"))
    expect_refused("InvalidVersion", lambda: caller(base, key, secret, "2015-01-01")("DescribeClusters"))
    expect_refused("InvalidApi.NotFound", lambda: call("DescribeWeather"))
    expect_refused("MissingParameter", lambda: call("StopInstance"))
    answer = call("DescribeImages")
    expect(answer["TotalCount"] == len(answer["Images"]), f"odd listing {answer}")


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    main(*sys.argv[1:4])
