-- The proxy's service account, least privilege. Run on the primary; put the proxy's own address instead of '%'.
--
--   mariadb < conf/grants.sql
--
-- It logs in, asks for @@read_only and the server's identity (every account may), and reads the accounts' password
-- hashes, by which the proxy checks logins itself. It can read no data and change nothing.

CREATE USER IF NOT EXISTS 'proxy'@'%' IDENTIFIED BY 'change me';

-- Where MariaDB 10.4 and later keep their accounts.
GRANT SELECT ON mysql.global_priv TO 'proxy'@'%';
-- The view of the same, asked where global_priv is not there.
GRANT SELECT ON mysql.user TO 'proxy'@'%';

-- Where the proxy connects from a host that an anonymous account stands for (''@'localhost', as old installations have
-- it), that account comes before 'proxy'@'%' and its login is refused: remove such accounts, or name the host above.
