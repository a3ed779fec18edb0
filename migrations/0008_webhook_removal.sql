-- A court may remove its own webhook.
GRANT DELETE ON webhook TO xiezhi_app;
