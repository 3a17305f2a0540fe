from . import acme_watch
