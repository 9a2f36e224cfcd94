"""One whole life of a cluster and its desktops, told once and walked by each of the vendor's published clients.

A client is a function `call(action, **parameters)` that returns the answer as a dictionary in wire names, or raises
`Refused` with the vendor's error code.
"""

import base64
import json
import time
import urllib.request

PATIENCE_SECONDS = 60


class Refused(Exception):
    """The vendor's error code."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def expect_refused(code, request):
    try:
        request()
    except Refused as refused:
        expect(refused.code == code, f"refused with {refused.code} instead of {code}")
    else:
        raise AssertionError(f"accepted instead of refused with {code}")


def until(question, done):
    """Asks until the answer is the wanted one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = question()
        if done(answer):
            return answer
        expect(time.monotonic() < deadline, f"still waiting, with {answer}")
        time.sleep(0.02)


def edit(base, **change):
    """Changes something in the simulator behind the client's back."""
    request = urllib.request.Request(
        f"{base}/_sim/edit",
        data=json.dumps(change).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["id"]


def only(rows):
    expect(len(rows) == 1, f"wanted one row, not {rows}")
    return rows[0]


class Life:
    def __init__(self, call, base):
        self.call = call
        self.base = base

    def cluster(self, cluster):
        return only(self.call("DescribeClusters", ClusterId=cluster)["Clusters"])

    def instance(self, instance):
        return only(self.call("DescribeInstances", InstanceId=instance)["Instances"])

    def until_status(self, instance, status):
        return until(lambda: self.instance(instance), lambda row: row["Status"] == status)

    def task(self, action, task, **parameters):
        """Polls a task and returns its last answer."""
        return until(
            lambda: self.call(action, TaskId=task, **parameters),
            lambda answer: answer["TaskFinished"] is True,
        )

    def run(self):
        cluster = self.make_cluster()
        self.protect(cluster)
        self.link(cluster)
        desktop, applications = self.make_desktops(cluster)
        self.use(cluster, desktop, applications)
        self.power(desktop)
        self.display(desktop, applications)
        self.images(desktop)
        self.end(cluster, [desktop, applications])

    def make_cluster(self):
        first = self.call("CreateServiceLinkedRole")
        expect(isinstance(first["AlreadyExists"], bool), "AlreadyExists is no boolean")
        expect(self.call("CreateServiceLinkedRole")["AlreadyExists"] is True, "the role was made twice")
        resources = self.call("DescribeAvailableResource")["AvailableResources"]
        kinds = {row["ClusterType"] for row in resources}
        expect("gws.s1.advanced" in kinds and all(row["Zone"] for row in resources), f"odd catalog {resources}")

        expect_refused(
            "InvalidVpcId.NotFound",
            lambda: self.call("CreateCluster", ClusterType="gws.s1.advanced", VpcId="vpc-unheard-of"),
        )
        cluster = self.call("CreateCluster", ClusterType="gws.s1.advanced", VpcId="vpc-1")["ClusterId"]
        until(lambda: self.cluster(cluster), lambda row: row["Status"] == "running")
        self.call("SetClusterName", ClusterId=cluster, Name="研发 集群*~/+&=")
        row = self.cluster(cluster)
        expect(row["Name"] == "研发 集群*~/+&=", f"the name came back as {row['Name']}")
        expect(row["VpcId"] == "vpc-1" and row["InstanceCount"] == 0, f"odd cluster {row}")
        everything = self.call("DescribeClusters", PageNumber=1, PageSize=50)
        expect(everything["TotalCount"] >= 1 and everything["PageSize"] == 50, f"odd page {everything}")
        return cluster

    def protect(self, cluster):
        wanted = {"Clipboard": "read", "LocalDrive": "off", "UsbRedirect": "off", "Watermark": "on", "UdpPort": "off"}
        task = self.call("SetClusterPolicy", ClusterId=cluster, AsyncMode=True, **wanted)["TaskId"]
        answer = self.task("DescribeClusterPolicy", task, ClusterId=cluster, AsyncMode=True)
        expect(all(answer[name] == value for name, value in wanted.items()), f"odd policy {answer}")
        wanted["Clipboard"] = "readwrite"
        self.call("SetClusterPolicy", ClusterId=cluster, AsyncMode=False, **wanted)
        expect(self.call("DescribeClusterPolicy", ClusterId=cluster)["Clipboard"] == "readwrite", "not set at once")
        query = self.call("DescribeClusterPolicy", ClusterId=cluster, AsyncMode=True)
        expect(query["TaskFinished"] is False and query["TaskId"], f"odd query {query}")
        answer = self.task("DescribeClusterPolicy", query["TaskId"], ClusterId=cluster, AsyncMode=True)
        expect(answer["Watermark"] == "on", f"odd policy {answer}")

    def link(self, cluster):
        self.call("SetClusterDnat", ClusterId=cluster, NatId="ngw-1")
        row = self.cluster(cluster)
        expect(row["NatId"] == "ngw-1" and row["NatEip"], f"no gateway in {row}")
        self.call("SetClusterDnat", ClusterId=cluster, NatId="")
        expect(not self.cluster(cluster).get("NatId"), "an empty gateway did not detach")

        domain = {"DomainName": "corp.example", "DomainDnsIp": "192.0.2.1", "DomainPassword": "p*ss w/rd+"}
        task = self.call("SetClusterADDomain", ClusterId=cluster, DomainAdmin="administrator", **domain)["TaskId"]
        answer = self.task("DescribeClusterADDomain", task, ClusterId=cluster)
        expect(answer["IsSupported"] is True and answer["DomainName"] == "corp.example", f"odd domain {answer}")

    def make_desktops(self, cluster):
        image = self.call("DescribeImages")["Images"][0]["ImageId"]
        common = {"ClusterId": cluster, "ImageId": image, "SystemDiskCategory": "cloud_ssd", "SystemDiskSize": 80}
        desktop = self.call(
            "CreateInstance",
            InstanceType="ecs.gn6i-c4g1.xlarge",
            WorkMode="Desktop",
            Name="desktop 1",
            AllocatePublicAddress="false",
            **common,
        )["InstanceId"]
        applications = self.call(
            "CreateInstance",
            InstanceType="ecs.g6.large",
            WorkMode="Application",
            AllocatePublicAddress="True",
            InternetMaxBandwidthOut=10,
            AppList=[
                {"AppName": "notepad", "AppPath": "C:\\Windows\\System32\\notepad.exe", "AppArgs": "c:/temp.txt"},
                {"AppName": "paint", "AppPath": "C:\\Windows\\System32\\mspaint.exe", "AppArgs": ""},
            ],
            **common,
        )["InstanceId"]
        self.until_status(desktop, "Registered")
        row = self.until_status(applications, "Registered")
        expect([app["AppName"] for app in row["AppList"]] == ["notepad", "paint"], f"odd applications {row}")
        expect(row["MaxBandwidthOut"] == 10 and row["DomainName"] == "corp.example", f"odd desktop {row}")
        listed = self.call("DescribeInstances", ClusterId=cluster, PageNumber=1, PageSize=1)
        expect(listed["TotalCount"] == 2 and len(listed["Instances"]) == 1, f"odd page {listed}")
        self.call("SetInstanceName", InstanceId=desktop, Name="desktop one")
        self.call("SetInstanceUser", InstanceId=desktop, UserName="alice", UserUid=1234)
        row = self.instance(desktop)
        expect((row["Name"], row["UserName"], row["UserUid"]) == ("desktop one", "alice", 1234), f"odd desktop {row}")
        return desktop, applications

    def use(self, cluster, desktop, applications):
        user = {"UserName": "alice", "Password": "s3cret&"}
        ticket = self.call("GetConnectTicket", InstanceId=applications, AppName="notepad", **user)["Ticket"]
        expect(b"notepad" in base64.b64decode(ticket), "no connection file in the ticket")
        begun = self.call("GetConnectTicket", InstanceId=desktop, AsyncMode=True, **user)
        answer = self.task("GetConnectTicket", begun["TaskId"], InstanceId=desktop, AsyncMode=True, **user)
        expect(desktop.encode() in base64.b64decode(answer["Ticket"]), "no connection file in the ticket")

        edit(self.base, target="gws", edit="openSession", instance=desktop, client="laptop-1")
        today = time.strftime("%Y-%m-%d", time.gmtime())
        days = {"StartTime": "2020-01-01", "EndTime": today}
        task = self.call("DescribeClusterConnections", ClusterId=cluster, **days)["TaskId"]
        answer = self.task("DescribeClusterConnections", task, ClusterId=cluster, **days)
        session = only(answer["Connections"])
        expect(session["InstanceId"] == desktop and session["ClientName"] == "laptop-1", f"odd session {session}")

    def power(self, desktop):
        expect_refused("IncorrectInstanceStatus", lambda: self.call("StartInstance", InstanceId=desktop))
        self.call("StopInstance", InstanceId=desktop)
        row = self.until_status(desktop, "Stopped")
        expect(row["StoppedMode"] == "StopCharging", f"odd stop {row}")
        self.call("StartInstance", InstanceId=desktop)
        self.until_status(desktop, "Registered")
        self.call("RestartInstance", InstanceId=desktop)
        expect(self.instance(desktop)["Status"] != "Registered", "the restart did not begin")
        self.until_status(desktop, "Registered")

    def display(self, desktop, without_gpu):
        wanted = {"VisualLossless": "on", "OptimizeFor3d": "off"}
        task = self.call("SetInstancePolicy", InstanceId=desktop, AsyncMode=True, **wanted)["TaskId"]
        answer = self.task("DescribeInstancePolicy", task, InstanceId=desktop, AsyncMode=True)
        expect(all(answer[name] == value for name, value in wanted.items()), f"odd display policy {answer}")
        answer = self.call("DescribeInstancePolicy", InstanceId=without_gpu)
        expect(answer["VisualLossless"] == "N/A", f"a display policy without a GPU: {answer}")

    def images(self, desktop):
        image = self.call("CreateImage", InstanceId=desktop, Name="golden")["ImageId"]

        def row():
            return only([row for row in self.call("DescribeImages")["Images"] if row["ImageId"] == image])

        expect(row()["ImageType"] == "custom", "the image is not the account's own")
        until(row, lambda row: row["Status"] == "Available" and row["Progress"] == "100%")
        self.until_status(desktop, "Registered")
        self.call("SetImageName", ImageId=image, Name="golden 2")
        expect(row()["Name"] == "golden 2", "the image was not renamed")
        self.call("DeleteImage", ImageId=image)
        until(
            lambda: self.call("DescribeImages")["Images"],
            lambda rows: all(row["ImageId"] != image for row in rows),
        )

    def end(self, cluster, instances):
        expect_refused("ConflictOpt", lambda: self.call("DeleteCluster", ClusterId=cluster))
        for instance in instances:
            self.call("DeleteInstance", InstanceId=instance)
        until(
            lambda: self.call("DescribeInstances", ClusterId=cluster)["TotalCount"],
            lambda total: total == 0,
        )
        expect_refused(
            "InvalidInstanceId.NotFound",
            lambda: self.call("StopInstance", InstanceId=instances[0]),
        )
        self.call("DeleteCluster", ClusterId=cluster)
        until(lambda: self.call("DescribeClusters", ClusterId=cluster)["TotalCount"], lambda total: total == 0)
