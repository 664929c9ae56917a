/// What the scripts find on a server: for every place where one runs two schemas, with what can change a session in them.
enum FidelityFixture {
    static let user = "fid"
    /// COM_CHANGE_USER's other one.
    static let otherUser = "fid2"
    static let role = "fid_role"

    static let accounts: [String] =
        [user, otherUser].flatMap { name in
            [
                "CREATE USER \(name)@'%'",
                // Schemas, roles, and what a script of its own batch may lock.
                "GRANT ALL ON `f%`.* TO \(name)@'%'", "GRANT RELOAD, PROCESS ON *.* TO \(name)@'%'",
            ]
        } + [
            // With all that conf/grants.sql offers.
            "GRANT SELECT, SHOW VIEW, TRIGGER ON *.* TO '\(EmbeddedPair.service.user)'@'%'",
            "CREATE ROLE \(role)", "GRANT SELECT ON mysql.help_topic TO \(role)",
            "GRANT \(role) TO \(user)@'%'", "GRANT \(role) TO \(otherUser)@'%'",
        ]

    /// Makes a place. In both schemas the same names, so that a name without a schema tells where it was looked up.
    static func statements(place: Int) -> [String] {
        let (a, b) = ("f\(place)a", "f\(place)b")
        let table = """
            (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(200), n INT DEFAULT 0, u INT UNIQUE, \
            x VARCHAR(20) CHARACTER SET latin1) DEFAULT CHARSET
            """
        var made = [
            "CREATE DATABASE \(a) CHARACTER SET utf8mb4", "CREATE DATABASE \(b) CHARACTER SET latin1",
            "CREATE TABLE \(a).t \(table)=utf8mb4", "CREATE TABLE \(b).t \(table)=latin1",
            "CREATE TABLE \(a).m \(table)=utf8mb4 ENGINE=MyISAM",
            "CREATE TABLE \(a).g (id INT PRIMARY KEY, v VARCHAR(200))",
            "CREATE TABLE \(a).h (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(200), k INT UNIQUE)",
            // A server that ends takes the numbers with it that it has in its cache.
            "CREATE SEQUENCE \(a).sq NOCACHE", "CREATE SEQUENCE \(b).sq START WITH 500 NOCACHE",
            "CREATE VIEW \(a).vt AS SELECT id, v FROM \(a).t",
            "CREATE VIEW \(a).vh AS SELECT id, v, k FROM \(a).h",
        ]
        made += routines.map { $0.replacing("{a}", with: a).replacing("{s}", with: "\(place)") }
        return made
    }

    private static let routines = [
        "CREATE FUNCTION {a}.f_var(i INT) RETURNS INT BEGIN SET @fv = i; RETURN i; END",
        "CREATE FUNCTION {a}.f_write(i INT) RETURNS INT BEGIN INSERT INTO t (n, v) VALUES (i, 'f_write'); RETURN i; END",
        "CREATE FUNCTION {a}.f_lock(i INT) RETURNS INT RETURN GET_LOCK('l{s}f', i)",
        "CREATE FUNCTION {a}.f_plain(i INT) RETURNS INT RETURN i + 1",
        "CREATE VIEW {a}.v_lock AS SELECT GET_LOCK('l{s}v', 0) AS g",
        "CREATE VIEW {a}.v_write AS SELECT {a}.f_write(7) AS w",
        "CREATE TRIGGER {a}.g_before BEFORE INSERT ON {a}.g FOR EACH ROW SET @tv = NEW.v",
        "CREATE TRIGGER {a}.h_before BEFORE INSERT ON {a}.h FOR EACH ROW BEGIN SELECT NEW.v INTO @hv; "
            + "IF NEW.k > 700 THEN SET NEW.id = NEW.k; END IF; END",
        "CREATE TRIGGER {a}.h_changed AFTER UPDATE ON {a}.h FOR EACH ROW BEGIN DECLARE g INT; "
            + "SET g = GET_LOCK('l{s}h', 0); END",
        "CREATE TRIGGER {a}.h_gone BEFORE DELETE ON {a}.h FOR EACH ROW BEGIN SET @hd = OLD.v, @@sort_buffer_size = 65536; "
            + "IF OLD.k = 2 THEN SIGNAL SQLSTATE '45000'; END IF; END",
        "CREATE PROCEDURE {a}.p_trigger() UPDATE h SET v = CONCAT(v, 'x') WHERE k = 1",
        "CREATE PROCEDURE {a}.p_var(i INT) SET @pv = i",
        "CREATE PROCEDURE {a}.p_out(OUT o INT) SET o = 42",
        "CREATE PROCEDURE {a}.p_temporary() CREATE TEMPORARY TABLE IF NOT EXISTS tmp (i INT) AS SELECT 5 AS i",
        "CREATE PROCEDURE {a}.p_temporary_fails() BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS tmp (i INT) "
            + "AS SELECT 5 AS i; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END",
        "CREATE PROCEDURE {a}.p_var_fails(i INT) BEGIN SET @pv = i; SIGNAL SQLSTATE '45000'; END",
        "CREATE PROCEDURE {a}.p_rows() BEGIN SELECT 1 AS one; SELECT 2 AS two; END",
        "CREATE PROCEDURE {a}.p_cursor() BEGIN DECLARE i, s INT DEFAULT 0; DECLARE c CURSOR FOR SELECT 3; "
            + "OPEN c; FETCH c INTO i; CLOSE c; SELECT i; END",
        "CREATE PROCEDURE {a}.p_setting() SET SESSION group_concat_max_len = 4321",
        "CREATE PROCEDURE {a}.p_setting_fails() BEGIN SET SESSION group_concat_max_len = 4322; "
            + "SIGNAL SQLSTATE '45000'; END",
        "CREATE PROCEDURE {a}.p_lock() DO GET_LOCK('l{s}p', 0)",
        "CREATE PROCEDURE {a}.p_insert() INSERT INTO t (v) VALUES ('p_insert')",
        "CREATE PROCEDURE {a}.p_prepare() BEGIN PREPARE pp FROM 'SELECT 77'; EXECUTE pp; END",
        "CREATE PROCEDURE {a}.p_autocommit() SET autocommit = 0",
        "CREATE PROCEDURE {a}.p_begin() BEGIN START TRANSACTION; INSERT INTO t (v) VALUES ('p_begin'); END",
        "CREATE PROCEDURE {a}.p_one_shot() SET TRANSACTION READ ONLY",
    ]

    /// Makes a place what it was at first.
    static func reset(place: Int) -> [String] {
        let (a, b) = ("f\(place)a", "f\(place)b")
        return ["\(a).t", "\(b).t", "\(a).m", "\(a).g", "\(a).h"].map { "TRUNCATE TABLE \($0)" } + [
            "DROP TABLE IF EXISTS \(a).made, \(b).made, \(a).tmp", "ALTER SEQUENCE \(a).sq RESTART 1",
            "ALTER SEQUENCE \(b).sq RESTART 500",
            "INSERT INTO \(a).t (v, n, u) VALUES ('a1', 1, 1), ('a2', 2, 2), ('a3', 3, 3)",
            "INSERT INTO \(a).h (v, k) VALUES ('h1', 1), ('h2', 2), ('h3', 3)",
            "INSERT INTO \(b).t (v, n, u) VALUES ('b1', 10, 1)", "INSERT INTO \(a).m (v, u) VALUES ('m1', 1)",
        ]
    }
}
