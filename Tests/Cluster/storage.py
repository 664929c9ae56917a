"""The data of the two nodes: one image with a file system, behind one loop device for both. While the link between the
nodes is cut each has a copy of its own, as DRBD's nodes have."""

import os
import shutil

from machine import DEVICE, ROOT, TestbedError, other, run, wait_for

# `node` and `at` are the executing server's own word on who it is, and when it was.
SCHEMA = """
FLUSH PRIVILEGES;
CREATE DATABASE app;
CREATE TABLE app.w (id BIGINT AUTO_INCREMENT PRIMARY KEY, client VARCHAR(32) NOT NULL, seq BIGINT NOT NULL,
    node VARCHAR(32) NOT NULL DEFAULT (@@hostname), at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    KEY (client, seq)) ENGINE=InnoDB;
CREATE USER app@'%' IDENTIFIED BY 'app';
GRANT ALL ON app.* TO app@'%';
"""



class Storage:
    def __init__(self, testbed):
        self.testbed = testbed

    def make_image(self):
        """An ext4 image with an initialised data directory, its accounts and the table of the load."""
        data = self.testbed.path("data")
        os.makedirs(data)
        shutil.chown(data, "mysql", "mysql")
        log = ["--no-defaults", "--user=mysql", f"--datadir={data}", "--innodb-log-file-size=32M"]
        run("mariadb-install-db", *log, "--skip-test-db", "--auth-root-authentication-method=socket")
        with open(os.path.join(ROOT, "conf/grants.sql")) as file:
            # One statement a line for the bootstrap, which knows no comments at the end of one.
            grants = [line for line in file.read().splitlines() if not line.lstrip().startswith("--")]
        sql = SCHEMA + "\n".join(grants).replace("'change me'", "'proxy'") + "\n"
        with open(self.testbed.path("schema.sql"), "w") as file:
            file.write(sql)
        with open(self.testbed.path("schema.sql")) as file:
            output = run("mariadbd", *log, "--bootstrap", stdin=file)
        if "ERROR" in output:
            raise TestbedError(f"the schema: {output}")
        owner = os.stat(data)
        image = self.testbed.path("disk.img")
        with open(image, "wb") as file:
            file.truncate(600 << 20)
        run("mkfs.ext4", "-q", "-F", "-J", "size=16", "-d", data, "-E",
            f"lazy_itable_init=0,lazy_journal_init=0,root_owner={owner.st_uid}:{owner.st_gid}", image)
        shutil.rmtree(data)
        self.testbed.note("first", self.attach(image))

    @property
    def first(self):
        """The device that both nodes share while all is well."""
        return self.testbed.noted("first")

    def attach(self, image):
        return run("losetup", "--find", "--show", image).strip()

    def give(self, node, device):
        """That device is behind the node's name for it, at once and at its next start."""
        self.testbed.note(f"{node}/device", device)
        if self.testbed.process(node):
            self.testbed.on(node, "cp", "-a", "--remove-destination", device, DEVICE)

    def copy(self, node, image):
        """A copy of the data as the node with the mounted file system has it at this moment, on a device of its own;
        nothing is written meanwhile. `node`: which has it mounted."""
        self.testbed.on(node, "fsfreeze", "-f", "/var/lib/mysql")
        try:
            run("cp", "--sparse=always", self.testbed.path(self.image_of(node)), self.testbed.path(image))
        finally:
            self.testbed.on(node, "fsfreeze", "-u", "/var/lib/mysql")
        return self.attach(self.testbed.path(image))

    def image_of(self, node):
        device = self.testbed.noted(f"{node}/device")
        return os.path.basename(run("losetup", "-n", "-O", "BACK-FILE", device).strip())

    def keep(self, winner):
        """The copy of the other node, which is off, is thrown away; both share the winner's."""
        kept = self.testbed.noted(f"{winner}/device")
        self.testbed.note("first", kept)
        self.give(other(winner), kept)
        self.discard(kept)

    def discard(self, kept):
        for device, image in self.attached():
            if device != kept:
                run("losetup", "-d", device, check=False)
                os.remove(image)

    def attached(self):
        lines = run("losetup", "-l", "-n", "-O", "NAME,BACK-FILE").splitlines()
        pairs = [line.split()[:2] for line in lines if len(line.split()) >= 2]
        return [pair for pair in pairs if pair[1].startswith(self.testbed.directory + "/")]

    def release(self):
        """The nodes' mounts end with their namespaces, a moment after their last process."""
        def is_released():
            for device, _ in self.attached():
                run("losetup", "-d", device, check=False)
            return not self.attached()
        wait_for("the end of the loop devices", is_released, 20)
