// Photographs in JPEG through libjpeg's own interface: what is missing from a damaged file is known there, row by row.
#pragma once

#include <stddef.h>
#include <stdint.h>

// How the colours of a file with three components are to be understood.
enum SbiJpegColours : int32_t {
  SBI_JPEG_BY_HEADER = 0,
  SBI_JPEG_YCC = 1,
  SBI_JPEG_RGB = 2,
};

// What is missing from an image that was decoded.
enum SbiJpegMissing : int32_t {
  SBI_JPEG_NOTHING = 0,
  // Rows from `good_rows` on.
  SBI_JPEG_ROWS = 1,
  // Components other than the first.
  SBI_JPEG_COLOURS = 2,
  // Coefficients that progressive files hold in later scans.
  SBI_JPEG_DETAILS = 3,
};

// At which resolution colours are stored.
enum SbiJpegSampling : int32_t {
  // Half of the brightness's, across and down.
  SBI_JPEG_420 = 0,
  // Half across.
  SBI_JPEG_422 = 1,
  // The same.
  SBI_JPEG_444 = 2,
  // Not at all.
  SBI_JPEG_GREY = 3,
};

struct SbiJpegOutcome {
  uint32_t width;
  uint32_t height;
  uint32_t good_rows;
  SbiJpegMissing missing;
  // Whether the data end where they should go on; otherwise they are wrong.
  int32_t ends_early;
  // Of the error that ended decoding, empty if none did.
  char error[200];
};

extern "C" {
// Reads the header. False, and a message, where it is none.
bool sbi_jpeg_size(const uint8_t* data, size_t length, SbiJpegOutcome* outcome);

// Decodes into `height` rows of `width` pixels, red first, as many as the header says (`capacity` is their number of
// bytes, which is checked). False, and a message, where not a row could be decoded. Rows that an error kept from being
// decoded are left as they were.
bool sbi_jpeg_decode(const uint8_t* data, size_t length, SbiJpegColours colours, uint8_t* pixels, size_t capacity,
                     SbiJpegOutcome* outcome);

// Encodes. Returns null, and a message, or memory of malloc's.
uint8_t* sbi_jpeg_encode(const uint8_t* pixels, uint32_t width, uint32_t height, int32_t quality,
                         SbiJpegSampling sampling, size_t* length, SbiJpegOutcome* outcome);
}
