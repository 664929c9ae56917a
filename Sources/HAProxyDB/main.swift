print("haproxydb")
