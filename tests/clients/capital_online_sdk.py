"""The life of a desktop through cds-python-sdk: reads and RebuildVm by GET, the rest by POST with a JSON body."""

import json
import logging
import sys
import time
import uuid
from unittest import mock
from urllib.parse import urlsplit

from capitalonline.common.client import Client
from capitalonline.common.credential import Credential
from capitalonline.common.exception.cds_sdk_exception import CdsSDKException
from capitalonline.common.profile.client_profile import ClientProfile
from capitalonline.common.profile.http_profile import HttpProfile

from lifecycle import Refused, edit, expect, expect_refused, only, until

SITE = "51735a10-0000-4000-8000-000000000001"
LINE = "10289"


def caller(base, key, secret):
    address = urlsplit(base)

    def call(action, /, **parameters):
        read = action == "RebuildVm" or (action.startswith(("Query", "Get")) and action != "QueryVmPrice")
        profile = ClientProfile(
            signMethod="HMAC-SHA1",
            httpProfile=HttpProfile(
                protocol="http",
                endpoint=f"{address.netloc}/gcw/",
                reqMethod="GET" if read else "POST",
            ),
        )
        client = Client("gcw", "2019-08-08", Credential(key, secret), "CN", profile)
        parameters.setdefault("requestId", str(uuid.uuid4()))
        try:
            answer = json.loads(client.call(action, parameters))
        except CdsSDKException as error:
            # What is not status 200 is an exception of the client, with the body as its message.
            raise Refused(json.loads(error.get_message())["Code"]) from error
        if answer["Code"] != "Success":
            raise Refused(answer["Code"])
        return answer["Data"]

    return call


class Life:
    def __init__(self, call, base, edition):
        self.call = call
        self.base = base
        self.newer = edition == "2023"
        self.line = {"bandwidthConfIdStr": LINE} if self.newer else {}

    def status(self, vm):
        return self.call("QueryVm", vmId=vm)["status"]

    def task(self, action, /, **parameters):
        """Calls an action, waits for its task, and returns what the call answered."""
        request = str(uuid.uuid4())
        begun = self.call(action, requestId=request, **parameters)
        ended = until(
            lambda: self.call("QueryTask", taskId=begun["taskId"], requestId=request),
            lambda answer: answer["status"] != "Running",
        )
        expect(ended["status"] == "Completed", f"{action} ended with {ended}")
        return begun

    def run(self):
        self.catalog()
        net = self.network()
        self.people()
        vm, other = self.desktops(net)
        self.power(vm, other)
        self.users(vm)
        self.orders(vm, other)
        self.end(vm, other)

    def catalog(self):
        sites = self.call("QuerySites")
        expect(any(site["siteId"] == SITE for site in sites), f"odd sites {sites}")
        products = self.call("QueryProducts", siteId=SITE)
        self.product = products[0]["productId"]
        images = self.call("QueryImages", siteId=SITE, productId=self.product)
        self.images = [image["imageId"] for image in only(images)["publicImages"]]
        lines = self.call("GetLineBillingScheme", siteId=SITE)
        expect(lines[0]["conf_id"] == int(LINE), f"odd lines {lines}")
        if self.newer:
            lines = self.call("GetVpcBandwidth", siteId=SITE)
            expect(lines[0]["conf_id"] == int(LINE), f"odd lines {lines}")
        goods = products[0]["goodsId"]
        price = self.call("QueryVmPrice", siteId=SITE, goodsId=str(goods), billCycle="month", num="1")
        expect(price["tradeAmount"] == products[0]["monthPrice"], f"odd price {price}")
        line = {"bandwidthConfIdStr": LINE, "isMounth": "0"} if self.newer else {"bandwidthConfId": LINE}
        price = self.call("GetEipPrice", siteId=SITE, size="1", qos="5", **line)
        expect(price["total_price"]["sign"] == "￥", f"odd price {price}")

    def network(self):
        expect(self.call("GetDefaultNet", siteId=SITE, **self.line) is None, "a network nobody made")
        self.task("CreateDefaultNet", siteId=SITE, **self.line)
        net = self.call("GetDefaultNet", siteId=SITE, **self.line)
        edit(self.base, target="capitalOnline", edit="breakNet", net=net["vpcId"])
        expect(not self.call("GetDefaultNet", siteId=SITE, **self.line)["subnets"], "not broken")
        self.task("SupplyDefaultNet", siteId=SITE, **self.line)
        net = self.call("GetDefaultNet", siteId=SITE, **self.line)
        expect(json.loads(only(net["subnets"])["dns"]), f"odd network {net}")
        expect(only(self.call("GetCustomNet", siteId=SITE, **self.line))["vpcSegment"], "odd custom network")
        return net

    def people(self):
        expect(self.call("CreateSubAccount", email="alice@example.com", name="alice") is None, "an id at once")
        people = [
            {"email": "bob@example.com", "name": "bob", "remark": "研发 *~/+&="},
            {"email": "alice@example.com", "name": "again"},
        ]
        answer = self.call("CreateSubAccounts", createAccountParams=people)
        expect((answer["successNum"], answer["failedNum"]) == (1, 1), f"odd batch {answer}")
        expect(only(answer["failedMsgs"])["messsage"], f"odd batch {answer}")
        until(
            lambda: self.call("QuerySubAccounts"),
            lambda rows: all(row["status"] == "create" for row in rows),
        )
        self.call("ChangeSubAccountName", email="bob@example.com", name="robert")
        self.call("ChangeSubAccountRemark", emails=["bob@example.com"], remark="x y")
        row = only(self.call("QuerySubAccounts", email="bob@example.com"))
        expect((row["name"], row["remark"]) == ("robert", "x y"), f"odd person {row}")

    def account(self, email):
        return only(self.call("QuerySubAccounts", email=email))["accountId"]

    def desktops(self, net):
        place = {"siteId": SITE, "vpcId": net["vpcId"], "subnetNetId": net["subnets"][0]["id"]}
        if self.newer:
            place.update(sysVolume="ssd", sysVolumeSize="160")
        else:
            gateway = net["vgateways"][0]
            place.update(vGatewayNetId=gateway["id"], vGatewayConfId=gateway["conf_id"])
        what = {"productId": self.product, "imageId": self.images[0], "qos": "5"}
        begun = self.task("CreateVm", name="研发 一", num="2", hostNo="7", **place, **what)
        vm, other = begun["vmIds"]
        row = self.call("QueryVm", vmId=other)
        expect((row["vmName"], row["status"]) == ("研发 一_007", "using"), f"odd desktop {row}")
        self.call("ChangeVmName", vmId=other, name="*~/+&=")
        self.call("UpdateVmLabels", vmIds=[vm, other], label="备注 1")
        row = self.call("QueryVm", vmId=other)
        expect((row["vmName"], row["label"]) == ("*~/+&=", "备注 1"), f"odd desktop {row}")
        listed = self.call("QueryVms", siteId=SITE, vpcName=net["vpcName"])["vmIds"]
        expect(sorted(listed) == sorted([vm, other]), f"odd listing {listed}")
        return vm, other

    def power(self, vm, other):
        expect_refused("13004", lambda: self.call("RebuildVm", vmId=vm, imageId=self.images[1]))
        self.task("OperateVm", action="off", vmIds=[vm, other])
        expect(self.status(vm) == "stop" and self.status(other) == "stop", "not off")
        self.task("RebuildVm", vmId=vm, imageId=self.images[1])
        self.task("OperateVm", action="on", vmIds=[vm, other])
        self.task("OperateVm", action="reboot", vmIds=[vm])
        expect_refused("13002", lambda: self.call("OperateVm", action="on", vmIds=[vm]))
        expect_refused("10006", lambda: self.call("OperateVm", action="explode", vmIds=[vm]))

    def users(self, vm):
        alice, bob = self.account("alice@example.com"), self.account("bob@example.com")
        self.call("BindAccounts", vmIds=[vm], accountId=alice)
        expect(self.call("QueryVms", email="alice@example.com")["vmIds"] == [vm], "not bound")
        expect_refused("13011", lambda: self.call("ChangeAccount", vmId=vm, accountId=bob))
        self.task("OperateVm", action="off", vmIds=[vm])
        self.call("ChangeAccount", vmId=vm, accountId=bob)
        expect(self.call("QueryVm", vmId=vm)["accountName"] == "robert", "not bound anew")
        answer = self.call("UnbindAccounts", vmIds=[vm])
        if self.newer:
            expect(answer["successNum"] == 1 and not answer["failedMsgs"], f"odd answer {answer}")
            self.call("BindAccounts", vmIds=[vm], accountId=alice)
            self.task("OffAndUnbind", vmIds=[vm])
            edit(self.base, target="capitalOnline", edit="setVmStatus", vm=vm, status="netErr")
            self.task("ConfigNet", vmIds=[vm])
        expect(self.call("QueryVm", vmId=vm)["accountEmail"] == "", "still bound")

    def orders(self, vm, other):
        expect_refused("12504", lambda: self.call("RenewalOrder", vmIds=[vm]))
        edit(self.base, target="capitalOnline", edit="refuseOrders", vm=other, refuse=True)
        answer = self.call("UpdateOrder", vmIds=[vm, other], duration="1", isAutoRenewal="0")
        expect((answer["successVmIds"], answer["failedVmIds"]) == ([vm], [other]), f"odd order {answer}")
        before = self.call("QueryVm", vmId=vm)["expireTime"]
        self.call("RenewalOrder", vmIds=[vm], isToMonth="1", isAutoRenewal="0")
        expect(self.call("QueryVm", vmId=vm)["expireTime"] != before, "not renewed")
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        edit(self.base, target="capitalOnline", edit="setVmExpiry", vm=vm, at=soon)
        row = only(self.call("QueryExpireVms"))
        expect(row["vmName"] == "研发 一" and row["billMethod"] == 1, f"odd row {row}")

    def end(self, *vms):
        for vm in vms:
            self.task("DeleteVm", vmId=vm)
        until(lambda: self.call("QueryVms")["vmIds"], lambda ids: not ids)

        def gone():
            try:
                return self.status(vms[0])
            except Refused as refused:
                return refused.code

        until(gone, lambda answer: answer == "10006")


def main(base, key, secret, edition):
    call = caller(base, key, secret)
    Life(call, base, edition).run()

    expect_refused("SignatureDoesNotMatch", lambda: caller(base, key, "wrong")("QueryVms"))
    expect_refused("InvalidAccessKeyId", lambda: caller(base, "nobody", secret)("QueryVms"))
    with mock.patch("uuid.uuid1", return_value="used-twice"):
        call("QueryVms")
        expect_refused("SignatureNonceUsed", lambda: call("QueryVms"))
    past = time.gmtime(time.time() - 16 * 60)
    with mock.patch("time.gmtime", return_value=past):
        expect_refused("RequestExpired", lambda: call("QueryVms"))
    expect_refused("UnsupportedAction", lambda: call("QueryWeather"))
    expect_refused("10003", lambda: call("QueryVm"))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    main(*sys.argv[1:5])
