"""The addresses; with and without a slash at the end is the same page."""

from django.urls import path, re_path

from . import export, views

urlpatterns = [
    path("", views.home),
    path("health", views.health),
    re_path(r"^login/?$", views.login),
    re_path(r"^logout/?$", views.logout),
    re_path(r"^thoughts/?$", views.own),
    re_path(r"^thoughts/new/?$", views.new),
    re_path(r"^search/?$", views.search),
    path("export/users", export.users),
    path("export/thoughts", export.thoughts),
]

handler404 = "mythoughts.views.not_found"
