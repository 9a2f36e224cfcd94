"""One whole life of CloudDesktop's desktops, told once and walked by each of the vendor's published clients."""

from lifecycle import edit, expect, expect_refused, only, until

ZONE = "cn-hangzhou-h"


class Life:
    def __init__(self, call, base, account):
        self.call = call
        self.base = base
        self.account = account

    def edit(self, **change):
        return edit(self.base, target="cloudDesktop", **change)

    def desktop(self, desktop):
        return only(self.call("DescribeDesktops", DesktopId=desktop)["Desktops"])

    def until_status(self, desktop, status):
        return until(lambda: self.desktop(desktop), lambda row: row["Status"] == status)

    def until_gone(self, desktop):
        until(lambda: self.call("DescribeDesktops", DesktopId=desktop)["Total"], lambda total: total == 0)

    def run(self):
        owner = self.catalog()
        self.users()
        image = self.images()
        by_use, in_advance = self.make(owner, image)
        self.power(by_use)
        self.change(by_use)
        self.end(by_use, in_advance)

    def catalog(self):
        regions = {row["RegionId"]: row["EndPoint"] for row in self.call("DescribeRegions")["Regions"]}
        expect(regions["cn-hangzhou"] == "clouddesktop.cn-hangzhou.aliyuncs.com", f"odd regions {regions}")
        items = self.call("DescribeDesktopTypeItems")["TypeItems"]
        expect(len(items) == 7, f"odd types {items}")
        with_gpu = self.call("DescribeDesktopTypeItems", DesktopType="gpu")["TypeItems"]
        expect(all(item["Gpu"] > 0 and item["GpuSpec"] for item in with_gpu), f"odd types {with_gpu}")
        small = only(self.call("DescribeDesktopTypeItems", TypeItemId="desktop.n1.small")["TypeItems"])
        expect((small["Cpu"], small["DesktopType"]) == (1, "common"), f"odd type {small}")

        # The document's spelling, the published client's, and either with a small first letter.
        for name in ["TypeITemId", "TypeItemId", "typeITemId"]:
            stock = self.call("DescribeAvailableResource", **{name: "desktop.n1.small", "ZoneId": ZONE})
            expect(stock["Available"] is True, f"odd stock {stock}")
        expect_refused("MissingParameter", lambda: self.call("DescribeAvailableResource", ZoneId=ZONE))
        self.edit(edit="setStock", typeItemId="desktop.n1.large", zoneId=ZONE, inStock=False)
        stock = self.call("DescribeAvailableResource", TypeITemId="desktop.n1.large", ZoneId=ZONE, ChargeType="PREPAY")
        expect(stock["Available"] is False, f"odd stock {stock}")

        owner = self.call("DescribeDesktopOwner")
        expect(owner["Status"] == "Active" and owner["OwnerVpcId"], f"odd owner {owner}")
        return owner

    def users(self):
        user = self.call("CreateUser", UserName="carol", Email="carol@corp.example")["UserInfo"]
        expect(user == {"Name": "carol", "Email": "carol@corp.example"}, f"odd user {user}")
        found = self.call("DescribeActivityDirectoryUsers", userName="aro")["Users"]
        expect([row["Name"] for row in found] == ["carol"], f"odd users {found}")

        def again(name):
            return lambda: self.call("CreateUser", UserName=name, Email="x@corp.example")

        expect_refused("Create user #carol# failed!", again("carol"))
        self.edit(edit="setDirectoryUp", account=self.account, up=False)
        expect_refused("AD access failed！", again("dave"))
        self.edit(edit="setDirectoryUp", account=self.account, up=True)
        domain = self.call("DescribeDesktopOwner")["DomainName"]
        self.edit(edit="setDomain", account=self.account, domainName="")
        expect_refused("Domain name must be set!", again("dave"))
        self.edit(edit="setDomain", account=self.account, domainName=domain)
        expect_refused("InvalidUserName", again("a name of seventeen"))

    def images(self):
        expect(self.call("DescribeImages")["Total"] == 0, "there is a private image already")
        listed = self.call("DescribeImages", ImageType="default", TypeItemId="desktop.n1.small", PageSize=1, Page=2)
        expect((listed["Total"], listed["PageCount"], listed["Page"]) == (2, 2, 2), f"odd page {listed}")
        image = only(listed["Images"])
        expect(image["Process"] == "100%" and image["InstanceType"] == "common", f"odd image {image}")
        return image["ImageId"]

    def make(self, owner, image):
        common = {
            "TypeItemId": "desktop.n1.small",
            "VpcId": owner["OwnerVpcId"],
            "ZoneId": ZONE,
            "VSwitchId": "vsw-1",
            "ImageId": image,
            "ImageType": "default",
            "userName": "carol",
            "UserGroup": "Users",
        }
        by_use = {**common, "ChargeType": "POSTPAY", "ClientToken": "token-1"}
        first = self.call("CreateDesktop", **by_use)
        expect(first["OrderId"] and first["DesktopId"], f"odd answer {first}")
        again = self.call("CreateDesktop", **by_use)
        expect(again["DesktopId"] == first["DesktopId"], "the token bought a second desktop")
        expect_refused(
            "IdempotentParameterMismatch",
            lambda: self.call("CreateDesktop", **{**by_use, "UserGroup": "Administrators"}),
        )
        row = self.until_status(first["DesktopId"], "Running")
        expect((row["UserName"], row["DesktopChargeType"]) == ("carol", "POSTPAY"), f"odd desktop {row}")
        expect(row["ExpiredDate"] == "", f"paid by use, and yet it ends: {row}")

        in_advance = {**common, "ChargeType": "PREPAY", "ClientToken": "token-2"}
        expect_refused("MissingParameter", lambda: self.call("CreateDesktop", **in_advance))
        expect_refused("InvalidPeriod", lambda: self.call("CreateDesktop", Period=10, **in_advance))
        second = self.call("CreateDesktop", Period=1, **in_advance)["DesktopId"]
        ends = self.until_status(second, "Running")["ExpiredDate"]
        renewal = {"DesktopId": second, "Period": "12", "ClientToken": "token-1"}
        order = self.call("RenewDesktop", **renewal)["OrderId"]
        later = self.desktop(second)["ExpiredDate"]
        expect(later > ends, f"renewed from {ends} to {later}")
        expect(self.call("RenewDesktop", **renewal)["OrderId"] == order, "the token renewed a second time")
        expect(self.desktop(second)["ExpiredDate"] == later, "the token renewed a second time")
        expect_refused(
            "ChargeTypeViolation",
            lambda: self.call("RenewDesktop", DesktopId=first["DesktopId"], Period="1"),
        )

        gone = {**common, "ChargeType": "POSTPAY"}
        for name, value, code in [
            ("TypeItemId", "desktop.n1.large", "OperationDenied.NoStock"),
            ("TypeItemId", "desktop.n9.huge", "InvalidTypeItemId.NotFound"),
            ("VpcId", "vpc-9", "InvalidVpcId.NotFound"),
            ("ImageId", "img-unheard-of", "InvalidImageId.NotFound"),
            ("ImageType", "private", "InvalidImageId.NotFound"),
            ("userName", "nobody", "InvalidUserName.NotFound"),
            ("userName", "nomail", "InvalidUserName.NoEmail"),
            ("UserGroup", "Guests", "InvalidUserGroup"),
            ("ZoneId", "cn-hangzhou-z", "InvalidZoneId.NotFound"),
        ]:
            expect_refused(code, lambda: self.call("CreateDesktop", **{**gone, name: value}))
        return first["DesktopId"], second

    def power(self, desktop):
        expect_refused("IncorrectDesktopStatus", lambda: self.call("StartDesktop", DesktopId=desktop))
        self.call("StopDesktop", DesktopId=desktop, ForceStop=False)
        self.until_status(desktop, "Stopped")
        self.call("StartDesktop", DesktopId=desktop)
        self.until_status(desktop, "Running")
        self.call("RebootDesktop", DesktopId=desktop, ForceStop=True)
        self.until_status(desktop, "Running")

    def change(self, desktop):
        self.call("ModifyDesktop", DesktopId=desktop, DesktopName="桌面 1*~/+&=")
        self.call("ModifyDesktopUser", DesktopId=desktop, UserName="alice", UserGroup="Administrators")
        row = self.desktop(desktop)
        seen = (row["DesktopName"], row["UserName"], row["UserGroup"])
        expect(seen == ("桌面 1*~/+&=", "alice", "Administrators"), f"odd desktop {row}")
        expect(only(self.call("DescribeDesktops", DesktopName="桌面")["Desktops"])["DesktopId"] == desktop, "not found")

        other = self.edit(edit="addImage", account=self.account, name="golden")
        replace = {"DesktopId": desktop, "ImageId": other, "ImageType": "private"}
        expect_refused("IncorrectDesktopStatus", lambda: self.call("ReplaceDesktopImage", **replace))
        self.call("StopDesktop", DesktopId=desktop)
        self.until_status(desktop, "Stopped")
        self.call("ReplaceDesktopImage", **replace)
        row = self.until_status(desktop, "Stopped")
        expect(row["ImageId"] == other, f"odd desktop {row}")
        self.edit(edit="deleteImage", image=other)

    def end(self, by_use, in_advance):
        expect_refused("ChargeTypeViolation", lambda: self.call("DeleteDesktop", DesktopId=in_advance))
        self.call("DeleteDesktop", DesktopId=by_use)
        self.until_gone(by_use)
        expect_refused("InvalidDesktopId.NotFound", lambda: self.call("DeleteDesktop", DesktopId=by_use))
        self.edit(edit="deleteDesktop", desktop=in_advance)
        self.until_gone(in_advance)
        self.edit(edit="deleteUser", account=self.account, name="carol")

    def beyond_the_document(self):
        """What happens where only the document's calls are served."""
        self.edit(edit="setExtended", account=self.account, served=False)
        expect_refused("InvalidApi.NotFound", lambda: self.call("DescribeDesktops"))
        self.edit(edit="setExtended", account=self.account, served=True)
        self.call("DescribeDesktops")
