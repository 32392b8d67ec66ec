/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * IKE SPIs of this gateway's partition (docs/protocol.md 5.3.7), in the place of
 * charon's own choice: its spi_label is read at its start only, and a partition
 * may be moved.
 */
#ifndef BATON_SPI_H_
#define BATON_SPI_H_

void baton_spi_init(void);
void baton_spi_deinit(void);

#endif /** BATON_SPI_H_ */
