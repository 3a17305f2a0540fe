from . import models, web
