// The guests' network: Ethernet switches in user space, whose links can be cut.
//
//   switch CONTROL TAP PORT...
//
// TAP is made in the network namespace of this process and is port 0, in network 0. Every further PORT is
// NETWORK:LOCAL:REMOTE: datagrams of frames on 127.0.0.1, as qemu's `-netdev dgram` sends them; it is port 1, 2, ...
// Frames stay within a network. What arrives at 127.0.0.1:CONTROL is a command, and is answered with a line:
//   cut A B     no frame passes between these ports any more, in either direction
//   heal A B    it does again;   heal   everywhere
//   look        frames received and sent by port, and how many were dropped
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { portsMax = 16, addressesMax = 64, frameMax = 9216 };

struct port {
    int file, network;
    struct sockaddr_in remote;
    unsigned long received, sent;
};
static struct port ports[portsMax];
static int portCount, isCut[portsMax][portsMax];
static unsigned long dropped;
// Which address was last heard at which port.
static struct { unsigned char address[6]; int port; } heard[addressesMax];
static int heardCount;

static struct sockaddr_in loopback(int number) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(number)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int open_datagram(int number) {
    struct sockaddr_in address = loopback(number);
    int size = 4 << 20, file = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    setsockopt(file, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(file, (void *)&address, sizeof address) < 0) {
        perror("switch: bind");
        exit(1);
    }
    return file;
}

static int open_tap(const char *name) {
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int file = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (file < 0 || ioctl(file, TUNSETIFF, &request) < 0) {
        perror("switch: /dev/net/tun");
        exit(1);
    }
    return file;
}

static void deliver(int to, const unsigned char *frame, int length) {
    struct port *port = &ports[to];
    int sent = to == 0 ? (int)write(port->file, frame, length)
                       : (int)sendto(port->file, frame, length, 0, (void *)&port->remote, sizeof port->remote);
    if (sent < 0) dropped++; else port->sent++;
}

static void forward(int from, const unsigned char *frame, int length) {
    const unsigned char *destination = frame, *source = frame + 6;
    int known = -1, entry = 0;
    ports[from].received++;
    if (length < 14) return;
    while (entry < heardCount && memcmp(heard[entry].address, source, 6)) entry++;
    if (entry == heardCount && heardCount < addressesMax) memcpy(heard[heardCount++].address, source, 6);
    if (entry < heardCount) heard[entry].port = from;
    if (!(destination[0] & 1))  // neither broadcast nor multicast
        for (int i = 0; i < heardCount; i++)
            if (!memcmp(heard[i].address, destination, 6)) known = heard[i].port;
    for (int to = 0; to < portCount; to++) {
        if (to == from || ports[to].network != ports[from].network || (known >= 0 && known != to)) continue;
        if (isCut[from][to]) dropped++; else deliver(to, frame, length);
    }
}

static void obey(int control) {
    char text[1024];
    struct sockaddr_in sender;
    socklen_t size = sizeof sender;
    int a, b, length = recvfrom(control, text, sizeof text - 1, 0, (void *)&sender, &size);
    if (length <= 0) return;
    text[length] = 0;
    const char *answer = "ok";
    if (sscanf(text, "cut %d %d", &a, &b) == 2 && a >= 0 && b >= 0 && a < portCount && b < portCount)
        isCut[a][b] = isCut[b][a] = 1;
    else if (sscanf(text, "heal %d %d", &a, &b) == 2 && a >= 0 && b >= 0 && a < portCount && b < portCount)
        isCut[a][b] = isCut[b][a] = 0;
    else if (!strncmp(text, "heal", 4))
        memset(isCut, 0, sizeof isCut);
    else if (strncmp(text, "look", 4))
        answer = "what?";
    int used = snprintf(text, sizeof text, "%s dropped=%lu", answer, dropped);
    for (int i = 0; i < portCount && used < (int)sizeof text - 64; i++)
        used += snprintf(text + used, sizeof text - used, " %d:%lu/%lu", i, ports[i].received, ports[i].sent);
    text[used++] = '\n';
    sendto(control, text, used, 0, (void *)&sender, size);
}

int main(int count, char **words) {
    if (count < 4 || count - 2 > portsMax) return 64;
    int control = open_datagram(atoi(words[1]));
    ports[portCount++].file = open_tap(words[2]);
    for (int i = 3; i < count; i++) {
        int network, local, remote;
        if (sscanf(words[i], "%d:%d:%d", &network, &local, &remote) != 3) return 64;
        ports[portCount++] =
            (struct port){.file = open_datagram(local), .network = network, .remote = loopback(remote)};
    }
    struct pollfd files[portsMax + 1];
    unsigned char frame[frameMax];
    for (int i = 0; i < portCount; i++) files[i] = (struct pollfd){.fd = ports[i].file, .events = POLLIN};
    files[portCount] = (struct pollfd){.fd = control, .events = POLLIN};
    for (;;) {
        if (poll(files, portCount + 1, -1) < 0) continue;
        for (int i = 0; i < portCount; i++)
            // No more than some at once, so that no port keeps the others waiting.
            for (int turn = 0; (files[i].revents & POLLIN) && turn < 64; turn++) {
                int length = i == 0 ? (int)read(ports[i].file, frame, sizeof frame)
                                    : (int)recv(ports[i].file, frame, sizeof frame, 0);
                if (length <= 0) break;
                forward(i, frame, length);
            }
        if (files[portCount].revents & POLLIN) obey(control);
    }
}
