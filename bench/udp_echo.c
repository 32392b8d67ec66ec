/* SPDX-License-Identifier: BSD-2-Clause */
/* The least a server can do with a datagram: udp_echo PORT BYTES answers each with BYTES octets.
 * The floor of bench/store's latencies. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	static uint8_t in[65536], out[65000];
	struct sockaddr_in me = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	size_t bytes;

	if (argc != 3)
		return 2;
	me.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	me.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bytes = strtoul(argv[2], NULL, 10);
	if (bytes > sizeof(out) || fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof(me)))
		return 1;
	for (;;) {
		struct sockaddr_in from;
		socklen_t n = sizeof(from);

		if (recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)&from, &n) >= 0)
			sendto(fd, out, bytes, 0, (struct sockaddr *)&from, n);
	}
}
