"""What the HTTP servers share: the control plane's and the witness's.

Its libraries are of the role `control`, so that no node and no keyholder has a web server.
"""
