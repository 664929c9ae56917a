print("haproxydb-lab")
