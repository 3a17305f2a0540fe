#!/usr/bin/python3
"""A browser that tests drive: a web view in a window, which keeps its cache and its data in the folder that it is given."""

import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import Gtk, WebKit2

folder = sys.argv[1]
files = WebKit2.WebsiteDataManager(base_data_directory=f"{folder}/data", base_cache_directory=f"{folder}/cache")
context = WebKit2.WebContext(website_data_manager=files)


def open_view(_session):
    view = WebKit2.WebView(web_context=context, is_controlled_by_automation=True)
    window = Gtk.Window(title="Browser", default_width=1200, default_height=800)
    window.add(view)
    window.show_all()
    return view


context.set_automation_allowed(True)
context.connect("automation-started", lambda _context, session: session.connect("create-web-view", open_view))
Gtk.main()
