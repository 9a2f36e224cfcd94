"""The life of CloudDesktop's desktops through aliyun-python-sdk-core's request for any product."""

import json
import logging
import sys
from unittest import mock
from urllib.parse import urlsplit

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest
from aliyunsdkcore.utils import parameter_helper

from cloud_desktop_life import Life
from lifecycle import Refused, expect_refused


def caller(base, key, secret, version="2017-03-01"):
    address = urlsplit(base)
    # Retries of its own would replay what the checks below count on.
    client = AcsClient(key, secret, "cn-hangzhou", port=address.port, auto_retry=False)

    def call(action, **parameters):
        request = CommonRequest(domain=address.hostname, version=version, action_name=action)
        request.set_protocol_type("http")
        read = action.startswith("Describe")
        request.set_method("GET" if read else "POST")
        add = request.add_query_param if read else request.add_body_params
        for name, value in parameters.items():
            add(name, value)
        try:
            answer = json.loads(client.do_action_with_exception(request))
        except ServerException as error:
            raise Refused(error.get_error_code()) from error
        # This client takes whatever has status 200 for a success.
        if "Code" in answer:
            raise Refused(answer["Code"])
        return answer

    return call


def main(base, key, secret):
    call = caller(base, key, secret)
    life = Life(call, base, key)
    life.run()
    life.beyond_the_document()

    expect_refused("SignatureDoesNotMatch", lambda: caller(base, key, "wrong")("DescribeRegions"))
    expect_refused("InvalidAccessKeyId.NotFound", lambda: caller(base, "nobody", secret)("DescribeRegions"))
    with mock.patch.object(parameter_helper, "get_uuid", return_value="core-nonce-used-twice"):
        call("DescribeRegions")
        expect_refused("SignatureNonceUsed", lambda: call("DescribeRegions"))
    with mock.patch.object(parameter_helper, "get_iso_8061_date", return_value="2020-01-01T00:00:00Z"):
        expect_refused("InvalidTimeStamp.Expired", lambda: call("DescribeRegions"))
    expect_refused("InvalidVersion", lambda: caller(base, key, secret, "2015-01-01")("DescribeRegions"))
    expect_refused("InvalidApi.NotFound", lambda: call("DescribeWeather"))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    main(*sys.argv[1:4])
