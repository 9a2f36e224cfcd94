"""The life of a tenant through huaweicloudsdkworkspace and huaweicloudsdkiam: every operation that is served."""

import logging
import re
import sys
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from unittest import mock

from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkiam.v3 import IamClient, model as iam
from huaweicloudsdkworkspace.v2 import WorkspaceClient, model as models

from lifecycle import Refused, edit, expect, expect_refused, only, until

PROJECT = "0bec5db98280d2d02fd6c00c2de791ce"
PRODUCT = "workspace.x86.ultimate.large2"
EVERYTHING = {"target_type": "ALL", "target_id": "default-apply-all-targets", "target_name": "All-Targets"}


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def caller(base, key, secret, project=PROJECT):
    """Calls by the operation's name; bodies are plain dictionaries in wire names."""
    credentials = BasicCredentials(key, secret, project)
    client = WorkspaceClient.new_builder().with_credentials(credentials).with_endpoints([base]).build()

    def call(operation, **parameters):
        request = getattr(models, f"{operation}Request")(**parameters)
        try:
            return getattr(client, snake(operation))(request).to_dict()
        except ServiceResponseException as error:
            raise Refused(str(error.error_code)) from error

    return call


def get_token(base, name, password, project=PROJECT):
    client = IamClient.new_builder().with_credentials(GlobalCredentials("any", "any", "any")).with_endpoints([base]).build()
    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": name, "password": password, "domain": {"name": "office"}}},
            },
            "scope": {"project": {"id": project}},
        }
    }
    request = iam.KeystoneCreateUserTokenByPasswordRequest(body=body)
    try:
        return client.keystone_create_user_token_by_password(request).x_subject_token
    except ServiceResponseException as error:
        raise Refused(str(error.error_code)) from error


def with_token(base, token, path="workspaces"):
    """The status of a read that carries a token instead of a signature."""
    request = urllib.request.Request(f"{base}/v2/{PROJECT}/{path}", headers={"X-Auth-Token": token})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Life:
    def __init__(self, call, base):
        self.call = call
        self.base = base

    def job(self, answer):
        """Waits for the end of a job and of each of its parts; returns the parts."""
        job = answer["job_id"]
        shown = until(lambda: self.call("ShowJob", job_id=job), lambda shown: shown["status"] != "RUNNING")
        expect(shown["status"] == "SUCCESS", f"odd job {shown}")
        parts = self.call("ListItaSubJobs", job_id=job, limit=100)["jobs"]
        expect(len(parts) == shown["sub_jobs_total"], f"odd parts {parts} of {shown}")
        expect(all(part["status"] == "SUCCESS" for part in parts), f"odd parts {parts}")
        return parts

    def desktop(self, desktop):
        return self.call("ShowDesktopDetail", desktop_id=desktop)["desktop"]

    def until_idle(self, desktop, status, login):
        return until(
            lambda: self.desktop(desktop),
            lambda row: (row["status"], row["task_status"], row["login_status"]) == (status, "", login),
        )

    def named(self, name):
        rows = self.call("ListDesktops", computer_name=name)["desktops"]
        return only([row for row in rows if row["computer_name"] == name])["desktop_id"]

    def run(self):
        self.catalog()
        users = self.users()
        first, second = self.desktops()
        self.power(first)
        self.assign(first)
        self.change(first)
        self.tags(first)
        group = self.policies(first)
        self.pool(users)
        self.end(group, users, [first, second])

    def catalog(self):
        tenant = self.call("ListWorkspaces")
        expect(tenant["status"] == "SUBSCRIBED" and tenant["vpc_id"] == "vpc-1", f"odd tenant {tenant}")
        products = self.call("ListProducts", charge_mode="1", limit=100)["products"]
        expect(PRODUCT in {row["product_id"] for row in products}, f"odd products {products}")
        expect({"normal", "sellout"} == {row["status"] for row in products}, f"odd states in {products}")
        zones = self.call("ListAvailabilityZones")["availability_zones"]
        expect(any(zone["default_availability_zone"] for zone in zones), f"odd zones {zones}")
        quotas = {row["type"]: row for row in self.call("ShowQuotas")["quotas"]["resources"]}
        expect(quotas["general_instances"]["used"] == 0, f"odd quotas {quotas}")
        images = self.call("ListImages", image_type="gold")["images"]
        expect(all(image["image_type"] == "gold" for image in images) and images, f"odd images {images}")
        self.image = images[0]["id"]

    def users(self):
        mail = "office@example.invalid"
        alice = self.call("CreateDesktopUser", body={"user_name": "alice", "user_email": mail})["id"]
        expect_refused(
            "WKS.0001", lambda: self.call("CreateDesktopUser", body={"user_name": "alice", "user_email": mail})
        )
        more = [{"user_name": name, "user_email": mail} for name in ("bob", "carol")]
        self.call("BatchCreateUsers", body={"users": more})
        rows = {row["user_name"]: row["id"] for row in self.call("ListUsers", limit="100", offset="0")["users"]}
        expect(rows["alice"] == alice and len(rows) == 3, f"odd users {rows}")
        self.call("UpdateUserInfo", user_id=alice, body={"description": "design"})
        shown = self.call("ListUserDetail", user_id=alice)["user_detail"]
        expect(shown["description"] == "design", f"odd user {shown}")
        return rows

    def desktops(self):
        body = {
            "desktop_type": "DEDICATED",
            "availability_zone": "cn-north-7c",
            "product_id": PRODUCT,
            "image_type": "gold",
            "image_id": self.image,
            "root_volume": {"type": "SAS", "size": 80},
            "data_volumes": [{"type": "SSD", "size": 50}],
            "nics": [{"subnet_id": "subnet-1"}],
            "email_notification": False,
            "tags": [{"key": "owner", "value": "uid-1"}],
        }
        answer = self.call("CreateDesktop", body={**body, "size": 1, "desktop_name": "dsk-1"})
        expect(set(answer) == {"job_id"}, f"the answer says more than a job: {answer}")
        user = {"user_name": "bob", "user_group": "users", "computer_name": "dsk-2"}
        second = self.call("CreateDesktop", body={**body, "desktops": [user]})
        part = only(self.job(answer))
        self.job(second)
        first = part["entities"]["desktop_id"]
        row = self.until_idle(first, "ACTIVE", "REGISTERED")
        expect(row["computer_name"] == "dsk-1" and row["product"]["memory"] == "4096", f"odd desktop {row}")
        expect(row["root_volume"]["size"] == 80 and row["tags"] == [{"key": "owner", "value": "uid-1"}], f"odd {row}")
        other = self.named("dsk-2")
        expect(self.desktop(other)["user_name"] == "bob", "the user is missing")
        page = self.call("ListDesktopsDetail", limit=1, offset=1)
        expect(page["total_count"] == 2 and only(page["desktops"])["desktop_id"] == other, f"odd page {page}")
        expect_refused("WKS.0001", lambda: self.call("CreateDesktop", body={**body, "size": 1, "desktop_name": "dsk-1"}))
        expect_refused("WKS.0202", lambda: self.desktop("nothing"))
        expect_refused("WKS.0001", lambda: self.call("DeleteUser", user_id=self.user_id("bob")))
        return first, other

    def user_id(self, name):
        rows = self.call("ListUsers", user_name=name)["users"]
        return only([row for row in rows if row["user_name"] == name])["id"]

    def power(self, desktop):
        act = lambda operation: self.call("BatchRunDesktops", body={"desktop_ids": [desktop], "op_type": operation})
        self.until_idle(desktop, "ACTIVE", "REGISTERED")
        self.job(act("os-stop"))
        self.until_idle(desktop, "SHUTOFF", "UNREGISTER")
        refused = act("os-stop")
        failure = only(refused["failed_operation_list"])
        expect(failure["error_code"] == "WKS.00010032" and not refused["job_id"], f"odd refusal {refused}")
        self.job(act("os-start"))
        self.until_idle(desktop, "ACTIVE", "REGISTERED")
        self.job(act("reboot"))
        self.until_idle(desktop, "ACTIVE", "REGISTERED")
        self.job(act("os-hibernate"))
        self.until_idle(desktop, "HIBERNATED", "UNREGISTER")
        self.job(act("os-start"))
        self.until_idle(desktop, "ACTIVE", "REGISTERED")

    def assign(self, desktop):
        user = {"desktop_id": desktop, "user_name": "alice", "user_group": "users"}
        self.job(self.call("AttachInstances", body={"desktops": [user]}))
        row = until(lambda: self.desktop(desktop), lambda row: row["attach_state"] == "ATTACHED")
        expect(row["user_name"] == "alice" and row["user_group"] == "users", f"odd desktop {row}")
        expect_refused("WKS.00010032", lambda: self.call("AttachInstances", body={"desktops": [user]}))
        self.job(self.call("DetachInstances", body={"desktop_ids": [desktop]}))
        expect(not self.desktop(desktop)["user_name"], "still assigned")

    def change(self, desktop):
        self.call("UpdateDesktop", desktop_id=desktop, body={"desktop": {"computer_name": "renamed"}})
        row = self.until_idle(desktop, "ACTIVE", "REGISTERED")
        expect(row["computer_name"] == "renamed", f"odd desktop {row}")
        capture = {"desktop_id": desktop, "image_name": "golden", "execute_sysprep": True}
        self.job(self.call("ChangeDesktopToImage", body=capture))
        image = only([row for row in self.call("ListImages", image_type="private")["images"] if row["name"] == "golden"])
        until(lambda: self.desktop(desktop), lambda row: row["task_status"] == "")
        body = {"desktop_ids": [desktop], "image_type": "private", "image_id": image["id"]}
        self.job(self.call("BatchRebuildDesktopsSystemDisk", body=body))
        self.until_idle(desktop, "ACTIVE", "REGISTERED")
        size = {"desktops": [{"desktop_id": desktop}], "product_id": "workspace.x86.ultimate.xlarge2", "mode": "STOP_DESKTOP"}
        self.job(self.call("ResizeDesktop", body=size))
        row = self.until_idle(desktop, "ACTIVE", "REGISTERED")
        expect(row["product_id"] == "workspace.x86.ultimate.xlarge2", f"odd desktop {row}")

    def tags(self, desktop):
        self.call("CreateTag", desktop_id=desktop, body={"tag": {"key": "team", "value": "设计"}})
        many = {"action": "create", "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}
        self.call("BatchChangeTags", desktop_id=desktop, body=many)
        self.call("DeleteTag", desktop_id=desktop, key="b")
        tags = {row["key"]: row["value"] for row in self.call("ShowTagByDesktopId", desktop_id=desktop)["tags"]}
        expect(tags == {"owner": "uid-1", "team": "设计", "a": "1"}, f"odd tags {tags}")

    def policies(self, desktop):
        policies = {"file_and_clipboard": {"clipboard_redirection": "CLIENT_TO_SERVER_ENABLED"}}
        new = {"policy_group_name": "office_policy", "priority": 1, "policies": policies, "targets": [EVERYTHING]}
        group = self.call("CreatePolicyGroup", body={"policy_group": new})["id"]
        expect_refused("WKS.00081101", lambda: self.call("CreatePolicyGroup", body={"policy_group": new}))
        more = {"watermark": {"watermark_enable": True}, "peripherals": {"usb_port_redirection": {"usb_enable": True}}}
        self.call("UpdatePoliciesOfPolicyGroup", policy_group_id=group, body={"policies": more})
        tree = self.call("ListPoliciesOfPolicyGroup", policy_group_id=group)["policies"]
        clipboard = tree["file_and_clipboard"]["clipboard_redirection"]
        expect(clipboard == "CLIENT_TO_SERVER_ENABLED" and tree["watermark"]["watermark_enable"], f"odd tree {tree}")
        sid = self.desktop(desktop)["sid"]
        target = {"target_type": "INSTANCE", "target_id": sid, "target_name": "renamed"}
        wrong = {**target, "target_id": desktop}
        change = lambda **body: self.call("BatchUpdateTargetOfPolicyGroup", policy_group_id=group, body=body)
        expect_refused("WKS.0001", lambda: change(add=[wrong], delete=[]))
        change(add=[target], delete=[])
        targets = self.call("ListTargetOfPolicyGroup", policy_group_id=group)["targets"]
        expect([row["target_type"] for row in targets] == ["ALL", "INSTANCE"], f"odd targets {targets}")
        change(add=[], delete=[target])
        renamed = {"policy_group": {"policy_group_name": "office_policy_2", "priority": 2}}
        self.call("UpdatePolicyGroup", policy_group_id=group, body=renamed)
        shown = self.call("ListPolicyDetailInfoById", policy_group_id=group)["policy_group"]
        expect(shown["policy_group_name"] == "office_policy_2" and len(shown["targets"]) == 1, f"odd group {shown}")
        only(self.call("ListPolicyGroup", policy_group_name="office", limit=10, offset=0)["policy_groups"])
        only(self.call("ListPolicyGroupInfo", policy_group_name="office")["policy_groups"])
        expect_refused("WKS.00081104", lambda: self.call("DeletePolicyGroup", policy_group_id="nothing"))
        return group

    def pool(self, users):
        body = {
            "name": "class-3b",
            "type": "STATIC",
            "size": 2,
            "product_id": PRODUCT,
            "image_type": "gold",
            "image_id": self.image,
            "root_volume": {"type": "SAS", "size": 80},
            "subnet_ids": ["subnet-2"],
        }
        answer = self.call("CreateDesktopPool", body=body)
        expect(set(answer) == {"job_id"}, f"the answer says more than a job: {answer}")
        rows = self.call("ListDesktopPools", name="class")["desktop_pools"]
        pool = only([row for row in rows if row["name"] == "class-3b"])["id"]
        self.job(answer)
        self.rest(pool, 2)
        act = lambda operation, **rest: self.call(operation, pool_id=pool, **rest)
        self.job(act("ExpandDesktopPool", body={"size": 1}))
        self.rest(pool, 3)
        member = {
            "object_type": "USER",
            "object_id": users["carol"],
            "object_name": "carol",
            "user_group": "users",
        }
        act("CreateDesktopPoolAuthorizedObjects", body={"action": "ADD", "objects": [member]})
        expect(only(act("ListDesktopPoolAuthorizedObjects")["objects"])["object_name"] == "carol", "nobody was added")
        act("CreateDesktopPoolAuthorizedObjects", body={"action": "REMOVE", "objects": [member]})
        growth = {"autoscale_type": "AUTO_CREATED", "max_auto_created": 1, "min_idle": 4, "once_auto_created": 1}
        act("UpdateDesktopPool", body={"enable_autoscale": True, "autoscale_policy": growth, "description": "third form"})
        shown = self.rest(pool, 4)
        expect(shown["autoscale_policy"]["min_idle"] == 4 and shown["description"] == "third form", f"odd pool {shown}")
        rebuild = {"image_id": self.image, "image_type": "gold", "handle_type": "FOR_EXPAND_AND_ALL"}
        self.job(act("RebuildDesktopPool", body=rebuild))
        self.rest(pool, 4)
        size = {"product_id": "workspace.x86.ultimate.xlarge2", "mode": "STOP_DESKTOP", "handle_type": "ONLY_FOR_EXPAND"}
        act("ResizeDesktopPool", body=size)
        inconsistent = act("ListPoolDesktopsDetail", inconsistent_type="PRODUCT_ID")
        expect(inconsistent["total_count"] == 4, f"odd pool {inconsistent}")
        self.job(act("ExecuteDesktopPoolAction", body={"op_type": "os-stop", "type": "SOFT"}))
        self.rest(pool, 4)
        expect_refused("WKS.00010032", lambda: act("DeleteDesktopPool"))
        act("UpdateDesktopPool", body={"enable_autoscale": False})
        expect_refused("WKS.00010032", lambda: act("DeleteDesktopPool"))
        inside = [row["desktop_id"] for row in act("ListPoolDesktopsDetail", limit=100)["pool_desktops"]]
        deletion = {"desktop_ids": inside, "email_notification": False}
        self.job(self.call("BatchDeleteDesktops", body=deletion))
        act("DeleteDesktopPool")
        expect_refused("WKS.0001", lambda: act("ShowDesktopPoolDetail"))

    def rest(self, pool, count):
        """Waits until a pool has so many desktops and is steady."""
        return until(
            lambda: self.call("ShowDesktopPoolDetail", pool_id=pool),
            lambda row: row["status"] == "STEADY" and row["desktop_count"] == count,
        )

    def end(self, group, users, desktops):
        self.call("DeletePolicyGroup", policy_group_id=group)
        for desktop in desktops:
            self.call("DeleteDesktop", desktop_id=desktop, email_notification=False, is_force_delete=True)
        until(lambda: self.call("ListDesktopsDetail"), lambda page: page["total_count"] == 0)
        self.call("DeleteUser", user_id=users["alice"])
        self.call("BatchDeleteUser", body={"user_ids": [users["bob"], users["carol"]]})
        expect(self.call("ListUsers")["total_count"] == 0, "a user is left")
        edit(self.base, target="huawei", edit="deleteImage", image="golden")


class Late(datetime):
    """A clock that is sixteen minutes behind."""

    @classmethod
    def utcnow(cls):
        return datetime.utcnow() - timedelta(minutes=16)


def main(base, key, secret):
    call = caller(base, key, secret)
    Life(call, base).run()

    expect_refused("APIGW.0301", lambda: caller(base, key, "wrong")("ListWorkspaces"))
    expect_refused("APIGW.0301", lambda: caller(base, "nobody", secret)("ListWorkspaces"))
    expect_refused("APIGW.0302", lambda: caller(base, key, secret, "f" * 32)("ListWorkspaces"))
    with mock.patch("huaweicloudsdkcore.signer.signer.datetime", Late):
        expect_refused("APIGW.0301", lambda: call("ListWorkspaces"))

    expect_refused("401", lambda: get_token(base, key, "wrong"))
    expect_refused("404", lambda: get_token(base, key, secret, "f" * 32))
    token = get_token(base, key, secret)
    status, _ = with_token(base, token)
    expect(status == 200, "a fresh token was refused")
    edit(base, target="huawei", edit="expireTokens", account=key)
    status, body = with_token(base, token)
    expect(status == 401 and "The token must be updated" in body, f"a stale token: {status} {body}")

    edit(base, target="huawei", edit="setTenantStatus", project=PROJECT, status="CLOSED")
    expect(call("ListWorkspaces")["status"] == "CLOSED", "the tenant is still there")
    expect_refused("WKS.00010099", lambda: call("ListDesktops"))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    main(*sys.argv[1:4])
