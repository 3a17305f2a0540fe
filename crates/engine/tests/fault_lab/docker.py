#!/usr/bin/env python3
"""Stands in for Docker, and for `wget` in the proxy's container: what a cutover's script asks of them, on a machine that can lose its
power. Containers are files: state, slot and restart policy, written as Docker's daemon writes them. What runs "in" a container runs here.

LAB is the machine's folder. In LAB/fault stands `N fail`, `N hang` or `N twice`: what becomes of the N-th call.
"""
import fcntl
import os
import subprocess
import sys
import time

LAB = os.environ["SLIPWAY_FAULT_LAB"]
STATE = os.path.join(LAB, "disk", "docker")
DATA = os.path.join(LAB, "disk", "data")
PROGRAMS = os.environ["SLIPWAY_FAULT_POSTGRESQL"]
MIGRATION = "update orders set what = 'migrated'; alter table orders add column if not exists due date"
FIRST = """create table ir_module_module (name text, state text); insert into ir_module_module values ('base', 'installed');
create table ir_cron (id int primary key); create table orders (id serial, what text); insert into orders (what) values ('first')"""


def container(name):
    try:
        with open(os.path.join(STATE, name)) as file:
            state, slot, restart = file.read().split()
            return {"state": state, "slot": slot, "restart": restart}
    except FileNotFoundError:
        return None


def write(name, state, slot="-", restart="no"):
    aside = os.path.join(STATE, ".%s.%d" % (name, os.getpid()))
    with open(aside, "w") as file:
        file.write("%s %s %s\n" % (state, slot, restart))
        file.flush()
        os.fsync(file.fileno())
    os.rename(aside, os.path.join(STATE, name))
    folder = os.open(STATE, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def change(name, **what):
    found = container(name)
    if not found:
        sys.exit("Error: No such container: %s" % name)
    write(name, **{**found, **what})


def names():
    return sorted(name for name in os.listdir(STATE) if not name.startswith("."))


def words(arguments, with_value):
    """Options, with their values, and the words after them."""
    options, at = [], 0
    while at < len(arguments) and arguments[at].startswith("-"):
        takes = arguments[at] in with_value
        options.append((arguments[at], arguments[at + 1] if takes else None))
        at += 2 if takes else 1
    return options, arguments[at:]


def version(_):
    print("28.0")


def ps(arguments):
    text = " ".join(arguments)
    for name in names():
        found = container(name)
        if "name=^/" in text:
            if text.split("name=^/")[1].split("$")[0] == name:
                print(found["state"])
        elif found["state"] == "running" and found["slot"] != "-":
            print(found["slot"], name)


def inspect(arguments):
    found = container(arguments[-1])
    if not found:
        sys.exit("Error: No such object: %s" % arguments[-1])
    print(found["state"] + " 0 false")


def start(arguments):
    name = arguments[-1]
    if not name.endswith("-update"):
        return change(name, state="running")
    change(name, state="running")
    statement = FIRST if os.environ.get("SLIPWAY_FAULT_LANE") == "first" else MIGRATION
    subprocess.run([PROGRAMS + "/psql", "-XAtq", "-U", "odoo", "-d", "lab", "-c", statement], env=client(), check=False)
    change(name, state="exited")


def stop(arguments):
    change(arguments[-1], state="exited")


def rm(arguments):
    for name in words(arguments, ())[1]:
        try:
            os.unlink(os.path.join(STATE, name))
        except FileNotFoundError:
            print("Error: No such container: %s" % name, file=sys.stderr)


def run(arguments):
    write(arguments[arguments.index("--name") + 1], "running")


def update(arguments):
    change(arguments[-1], restart=arguments[arguments.index("--restart") + 1])


def nothing(_):
    pass


def client():
    return {**os.environ, "PGHOST": os.path.join(LAB, "sock"), "PATH": "%s/inside:%s:%s" % (LAB, PROGRAMS, os.environ["PATH"])}


def execute(arguments):
    options, rest = words(arguments, ("-e", "-u", "--user"))
    found = container(rest[0])
    if not found or found["state"] != "running":
        sys.exit("Error: container %s is not running" % rest[0])
    environment = client()
    for option, value in options:
        if option == "-e":
            name, _, text = value.partition("=")
            environment[name] = text
    command = [word.replace("/var/lib/odoo", DATA) for word in rest[1:]]
    if command[0] == "python3":
        return print("HTTP/1.1 101 Switching Protocols")
    os.execvpe(command[0], command, environment)


def wget(arguments):
    address = arguments[-1]
    if ":2019/" in address:
        return print("".join('[{"address":"lab-%s:8069","num_requests":0}]' % slot for slot in "ab"))
    slot = address.split("lab-")[1][0] if "lab-" in address else arguments[-2].rpartition(" ")[2]
    if any(found["slot"] == slot and found["state"] == "running" for found in map(container, names())):
        return print("  HTTP/1.1 200 OK", file=sys.stderr)
    sys.exit("wget: can't connect to remote host: Connection refused")


CALLS = {
    "version": version, "ps": ps, "inspect": inspect, "start": start, "stop": stop, "kill": stop, "rm": rm, "run": run,
    "update": update, "exec": execute, "logs": nothing, "wait": nothing,
}


def number():
    """Which call this is, from 1 on."""
    with open(os.path.join(LAB, "calls"), "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(" ".join(sys.argv[1:4]).replace("\n", " ")[:80] + "\n")
        file.flush()
        file.seek(0)
        return len(file.readlines())


def main():
    if os.path.basename(sys.argv[0]) == "wget":
        return wget(sys.argv[1:])
    this, fault = number(), []
    try:
        with open(os.path.join(LAB, "fault")) as file:
            fault = file.read().split()
    except FileNotFoundError:
        pass
    call, arguments = CALLS[sys.argv[1]], sys.argv[2:]
    if fault and int(fault[0]) == this:
        if fault[1] == "fail":
            sys.exit("Error response from daemon: the stand-in fails this call")
        if fault[1] == "hang":
            time.sleep(100000)
        if fault[1] == "twice" and sys.argv[1] != "exec":
            call(arguments)
    call(arguments)


if __name__ == "__main__":
    main()
