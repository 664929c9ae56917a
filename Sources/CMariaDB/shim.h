#include <mysql.h>
#include <errmsg.h>
#include <ma_pvio.h>
#include <stdarg.h>

/*
 * From <mysql/client_plugin.h>, which includes a file that Debian's libmariadb-dev does not have (ma_compress.h).
 * https://mariadb.com/kb/en/mariadb-connectorc-types-and-definitions/
 */
enum { MYSQL_CLIENT_AUTHENTICATION_PLUGIN = 2, MARIADB_CLIENT_PVIO_PLUGIN = 101 };

struct st_mysql_client_plugin;
struct st_mysql_client_plugin *STDCALL mysql_client_find_plugin(MYSQL *mysql, const char *name, int type);

typedef struct st_mariadb_client_plugin_PVIO {
    int type;
    unsigned int interface_version;
    const char *name;
    const char *author;
    const char *desc;
    unsigned int version[3];
    const char *license;
    void *mysql_api;
    int (*init)(char *, size_t, int, va_list);
    int (*deinit)(void);
    int (*options)(const char *option, const void *);
    struct st_ma_pvio_methods *methods;
} MARIADB_PVIO_PLUGIN;

/* Swift calls no variadic function: what MARIADB_OPT_USERDATA keeps under that key; null where nothing. */
static inline void *mariadb_kept(MYSQL *mysql, const char *key) {
    void *kept = 0;
    mysql_get_optionv(mysql, MARIADB_OPT_USERDATA, (void *)key, &kept);
    return kept;
}
