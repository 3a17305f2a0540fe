from . import login, main
