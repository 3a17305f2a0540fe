#!/usr/bin/python3
"""A desktop's shell on the session bus, as far as the app talks to one: it shows notifications, has a tray, and does what a person
would do with them. Orders come as JSON lines on standard input; each is answered by one JSON line on standard output."""

import json
import sys

import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NOTIFICATIONS = "org.freedesktop.Notifications"
WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
PROPERTIES = "org.freedesktop.DBus.Properties"


class Notifications(dbus.service.Object):
    shown = []

    @dbus.service.method(NOTIFICATIONS, in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, replaces, icon, summary, body, actions, hints, timeout):
        number = len(self.shown) + 1
        text = {"id": number, "app": app, "summary": summary, "body": body, "actions": list(actions)}
        self.shown.append(text)
        return dbus.UInt32(number)

    @dbus.service.method(NOTIFICATIONS, out_signature="as")
    def GetCapabilities(self):
        return ["body", "actions", "body-markup"]

    @dbus.service.method(NOTIFICATIONS, out_signature="ssss")
    def GetServerInformation(self):
        return ("shell", "slipway-tests", "1", "1.2")

    @dbus.service.method(NOTIFICATIONS, in_signature="u")
    def CloseNotification(self, number):
        self.NotificationClosed(number, 3)

    @dbus.service.signal(NOTIFICATIONS, signature="uu")
    def NotificationClosed(self, number, reason):
        pass

    @dbus.service.signal(NOTIFICATIONS, signature="us")
    def ActionInvoked(self, number, action):
        pass


class Watcher(dbus.service.Object):
    items = []

    @dbus.service.method(WATCHER, in_signature="s", sender_keyword="sender")
    def RegisterStatusNotifierItem(self, service, sender=None):
        self.items.append((sender, service) if service.startswith("/") else (service, "/StatusNotifierItem"))
        self.StatusNotifierItemRegistered("".join(self.items[-1]))

    @dbus.service.method(WATCHER, in_signature="s")
    def RegisterStatusNotifierHost(self, service):
        self.StatusNotifierHostRegistered()

    @dbus.service.signal(WATCHER, signature="s")
    def StatusNotifierItemRegistered(self, service):
        pass

    @dbus.service.signal(WATCHER, signature="s")
    def StatusNotifierItemUnregistered(self, service):
        pass

    @dbus.service.signal(WATCHER)
    def StatusNotifierHostRegistered(self):
        pass

    @dbus.service.method(PROPERTIES, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return self.GetAll(interface)[name]

    @dbus.service.method(PROPERTIES, in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        return {
            "RegisteredStatusNotifierItems": dbus.Array(["".join(i) for i in self.items], signature="s"),
            "IsStatusNotifierHostRegistered": True,
            "ProtocolVersion": dbus.Int32(0),
        }


class Tray:
    """The newest icon in the tray."""

    def __init__(self, bus, item):
        name, path = item
        self.item = dbus.Interface(bus.get_object(name, path), PROPERTIES)
        self.menu = dbus.Interface(bus.get_object(name, self.item.Get(ITEM, "Menu")), MENU)

    def entries(self):
        """The menu as nested lists of [label, enabled, entries, number]."""
        self.menu.AboutToShow(0)
        _, (_, _, children) = self.menu.GetLayout(0, -1, dbus.Array([], signature="s"))
        return [self.entry(child) for child in children if child[1].get("type") != "separator"]

    def entry(self, node):
        number, properties, children = node
        label = str(properties.get("label", "")).replace("__", "\0").replace("_", "").replace("\0", "_")
        below = [self.entry(child) for child in children if child[1].get("type") != "separator"]
        return [label, bool(properties.get("enabled", True)), below, int(number)]

    def click(self, labels):
        entries = self.entries()
        for label in labels:
            found = [entry for entry in entries if entry[0].startswith(label)]
            if not found:
                return f"no entry {label!r} among {[entry[0] for entry in entries]}"
            _, enabled, entries, number = found[0]
        if not enabled:
            return f"{label!r} can't be chosen"
        self.menu.Event(number, "clicked", dbus.String("", variant_level=1), 0)
        return None


def answer(bus, notifications, order):
    if order["do"] == "notifications":
        return notifications.shown
    if order["do"] == "click notification":
        notifications.ActionInvoked(order["id"], "default")
        notifications.NotificationClosed(order["id"], 2)
        return None
    if not Watcher.items:
        return None
    tray = Tray(bus, Watcher.items[-1])
    if order["do"] == "menu":
        return tray.entries()
    if order["do"] == "icon":
        return [str(tray.item.Get(ITEM, "IconName")), str(tray.item.Get(ITEM, "Title"))]
    return tray.click(order["labels"])


def main():
    DBusGMainLoop(set_as_default=True)
    bus = dbus.SessionBus()
    names = [dbus.service.BusName(name, bus, do_not_queue=True) for name in (NOTIFICATIONS, WATCHER)]
    notifications = Notifications(bus, "/org/freedesktop/Notifications")
    watcher = Watcher(bus, "/StatusNotifierWatcher")
    loop = GLib.MainLoop()

    def take(_source, _condition):
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        try:
            said = {"ok": answer(bus, notifications, json.loads(line))}
        except dbus.DBusException as error:
            said = {"error": str(error)}
        print(json.dumps(said), flush=True)
        return True

    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, take)
    print(json.dumps({"ok": "ready"}), flush=True)
    loop.run()
    return names, watcher


main()
