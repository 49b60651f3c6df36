#include "native/jpeg/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>

#include <jpeglib.h>
// After jpeglib.h, which it needs.
#include <jerror.h>

namespace {

// A file may ask for the whole image to be gone over any number of times, in few bytes each.
constexpr int MOST_SCANS = 500;
// Some cameras end their data with a few bytes too many.
constexpr unsigned HARMLESS_BYTES = 4;

// One decoding. libjpeg's errors leave it by `longjmp`: everything that lives across that is in here, and nothing in
// between has a destructor.
struct Decoding {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jmp_buf failed;
  SbiJpegOutcome* outcome;
  const uint8_t* begin;
  // The data's end was reached.
  bool at_end;
  // Something came that is not an image's data; only the first such place counts.
  bool damaged;
  // That place was in the scan that gives components their first values.
  bool damaged_first_values;
  // Components by bits: those whose first values have come, and those of the present scan.
  unsigned whole;
  unsigned present;
};

Decoding& decoding(j_common_ptr info) { return *static_cast<Decoding*>(info->client_data); }

void keep_message(j_common_ptr info, SbiJpegOutcome* outcome) {
  char message[JMSG_LENGTH_MAX];
  info->err->format_message(info, message);
  snprintf(outcome->error, sizeof outcome->error, "%s", message);
}

[[noreturn]] void fail(j_common_ptr info) {
  Decoding& self = decoding(info);
  keep_message(info, self.outcome);
  longjmp(self.failed, 1);
}

// Whether bytes that were passed over before a marker are the filling of some cameras.
bool is_filling(const Decoding& self, unsigned count) {
  if (count <= HARMLESS_BYTES) return true;
  // libjpeg has not gone on to what comes behind the bytes yet.
  const uint8_t* marker = self.info.src->next_input_byte;
  if (marker - self.begin < static_cast<ptrdiff_t>(count)) return false;
  const uint8_t* first = marker - count;
  return std::all_of(first, marker, [first](uint8_t byte) { return byte == *first; });
}

void note_damage(Decoding& self) {
  if (self.damaged) return;
  const jpeg_decompress_struct& info = self.info;
  self.damaged = true;
  self.damaged_first_values = info.Ss == 0 && info.Ah == 0;
  self.outcome->ends_early = self.at_end;
  const size_t rows = static_cast<size_t>(info.input_iMCU_row) * info.max_v_samp_factor * DCTSIZE;
  self.outcome->good_rows = std::min<size_t>(rows, info.image_height);
}

// libjpeg's warnings. That the file ends is none as long as no value is missing.
void warn(j_common_ptr info, int level) {
  if (level >= 0) return;
  Decoding& self = decoding(info);
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
      self.at_end = true;
      break;
    case JWRN_EXTRANEOUS_DATA:
      if (!is_filling(self, static_cast<unsigned>(info->err->msg_parm.i[0]))) note_damage(self);
      break;
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_BOGUS_PROGRESSION:
      note_damage(self);
      break;
    default:
      break;
  }
}

void be_silent(j_common_ptr) {}

void prepare(jpeg_error_mgr& errors) {
  jpeg_std_error(&errors);
  errors.error_exit = fail;
  errors.emit_message = warn;
  errors.output_message = be_silent;
}

void read_header(Decoding& self, const uint8_t* data, size_t length) {
  jpeg_create_decompress(&self.info);
  jpeg_mem_src(&self.info, data, length);
  jpeg_read_header(&self.info, TRUE);
  self.outcome->width = self.info.image_width;
  self.outcome->height = self.info.image_height;
}

void begin(Decoding& self, const uint8_t* data, SbiJpegOutcome* outcome) {
  memset(&self, 0, sizeof self);
  memset(outcome, 0, sizeof *outcome);
  self.outcome = outcome;
  self.begin = data;
  prepare(self.errors);
  self.info.err = &self.errors;
  self.info.client_data = &self;
}

void note_scan(Decoding& self) {
  self.present = 0;
  for (int i = 0; i < self.info.comps_in_scan; i++) self.present |= 1u << self.info.cur_comp_info[i]->component_index;
}

// Takes in all scans of a file that has several.
void read_scans(Decoding& self) {
  for (bool inside = true;;) {
    switch (jpeg_consume_input(&self.info)) {
      case JPEG_REACHED_SOS:
        if (self.info.input_scan_number > MOST_SCANS) {
          snprintf(self.outcome->error, sizeof self.outcome->error, "more than %d scans", MOST_SCANS);
          longjmp(self.failed, 1);
        }
        note_scan(self);
        inside = true;
        break;
      case JPEG_SCAN_COMPLETED:
        if (inside && !self.damaged && self.info.Ss == 0) self.whole |= self.present;
        inside = false;
        break;
      case JPEG_REACHED_EOI:
        return;
      case JPEG_SUSPENDED:
        ERREXIT(&self.info, JERR_CANT_SUSPEND);
        break;
      default:
        break;
    }
  }
}

// Whether no scan of a progressive file is missing.
bool has_all_details(const jpeg_decompress_struct& info) {
  if (!info.progressive_mode) return true;
  for (int component = 0; component < info.num_components; component++) {
    for (int k = 0; k < DCTSIZE2; k++) {
      if (info.coef_bits[component][k] != 0) return false;
    }
  }
  return true;
}

// What is missing from a file with several scans.
void judge_scans(Decoding& self) {
  const unsigned all = (1u << self.info.num_components) - 1;
  SbiJpegOutcome& outcome = *self.outcome;
  if (!self.damaged && self.whole == all) {
    // Files may do without the last scans, unless they end without a word.
    if (self.at_end && !has_all_details(self.info)) {
      outcome.missing = SBI_JPEG_DETAILS;
      outcome.ends_early = true;
    }
    return;
  }
  if (!self.damaged) {
    outcome.ends_early = self.at_end;
    outcome.good_rows = 0;
  }
  const unsigned with_present = self.whole | (self.damaged_first_values ? self.present : 0);
  if (self.whole == all) {
    outcome.missing = SBI_JPEG_DETAILS;
  } else if (with_present == all || (self.whole & 1) == 0) {
    outcome.missing = SBI_JPEG_ROWS;
  } else {
    outcome.missing = SBI_JPEG_COLOURS;
  }
}

// Ink to light, as OpenCV computes it: files hold the complement of ink.
void light_of_inks(const uint8_t* cmyk, uint8_t* rgb, size_t width) {
  for (size_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
    const int black = cmyk[3];
    for (int i = 0; i < 3; i++) rgb[i] = static_cast<uint8_t>(black - ((255 - cmyk[i]) * black >> 8));
  }
}

void read_rows(Decoding& self, uint8_t* pixels) {
  jpeg_decompress_struct& info = self.info;
  const size_t stride = static_cast<size_t>(info.output_width) * 3;
  const bool inks = info.out_color_space == JCS_CMYK;
  JSAMPARRAY own = nullptr;
  if (inks) own = (*info.mem->alloc_sarray)(reinterpret_cast<j_common_ptr>(&info), JPOOL_IMAGE, info.output_width * 4, 1);
  while (info.output_scanline < info.output_height) {
    uint8_t* row = pixels + info.output_scanline * stride;
    JSAMPROW target = inks ? own[0] : row;
    jpeg_read_scanlines(&info, &target, 1);
    if (inks) light_of_inks(target, row, info.output_width);
  }
}

void decode(Decoding& self, SbiJpegColours colours, uint8_t* pixels, size_t capacity) {
  jpeg_decompress_struct& info = self.info;
  if (static_cast<size_t>(info.image_width) * info.image_height * 3 != capacity) ERREXIT(&info, JERR_BAD_LENGTH);
  if (info.num_components == 3 && colours != SBI_JPEG_BY_HEADER) {
    info.jpeg_color_space = colours == SBI_JPEG_RGB ? JCS_RGB : JCS_YCbCr;
  }
  info.out_color_space = info.num_components == 4 ? JCS_CMYK : JCS_RGB;
  if (jpeg_has_multiple_scans(&info)) {
    info.buffered_image = TRUE;
    jpeg_start_decompress(&info);
    note_scan(self);
    read_scans(self);
    judge_scans(self);
    jpeg_start_output(&info, info.input_scan_number);
    read_rows(self, pixels);
    jpeg_finish_output(&info);
  } else {
    jpeg_start_decompress(&info);
    read_rows(self, pixels);
    jpeg_finish_decompress(&info);
    if (self.damaged) self.outcome->missing = SBI_JPEG_ROWS;
  }
}

// One encoding; as above.
struct Encoding {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  jmp_buf failed;
  SbiJpegOutcome* outcome;
  unsigned char* bytes;
  unsigned long length;
};

[[noreturn]] void fail_encoding(j_common_ptr info) {
  Encoding& self = *static_cast<Encoding*>(info->client_data);
  keep_message(info, self.outcome);
  longjmp(self.failed, 1);
}

void ignore_warning(j_common_ptr, int) {}

void encode(Encoding& self, const uint8_t* pixels, uint32_t width, uint32_t height, int32_t quality,
            SbiJpegSampling sampling) {
  jpeg_compress_struct& info = self.info;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &self.bytes, &self.length);
  info.image_width = width;
  info.image_height = height;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  if (sampling == SBI_JPEG_GREY) jpeg_set_colorspace(&info, JCS_GRAYSCALE);
  // Colours are halved by default.
  if (sampling == SBI_JPEG_444) info.comp_info[0].h_samp_factor = 1;
  if (sampling != SBI_JPEG_420) info.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < height) {
    JSAMPROW row = const_cast<uint8_t*>(pixels + static_cast<size_t>(info.next_scanline) * width * 3);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
}

// What follows call `setjmp` and own nothing that changes afterwards: such values would be lost.

bool could_read_header(Decoding& self, const uint8_t* data, size_t length) {
  if (setjmp(self.failed) != 0) return false;
  read_header(self, data, length);
  return true;
}

bool could_decode(Decoding& self, const uint8_t* data, size_t length, SbiJpegColours colours, uint8_t* pixels,
                  size_t capacity) {
  if (setjmp(self.failed) != 0) return false;
  read_header(self, data, length);
  decode(self, colours, pixels, capacity);
  return true;
}

bool could_encode(Encoding& self, const uint8_t* pixels, uint32_t width, uint32_t height, int32_t quality,
                  SbiJpegSampling sampling) {
  if (setjmp(self.failed) != 0) return false;
  encode(self, pixels, width, height, quality, sampling);
  return true;
}

}  // namespace

bool sbi_jpeg_size(const uint8_t* data, size_t length, SbiJpegOutcome* outcome) {
  Decoding self;
  begin(self, data, outcome);
  const bool done = could_read_header(self, data, length);
  jpeg_destroy_decompress(&self.info);
  return done;
}

bool sbi_jpeg_decode(const uint8_t* data, size_t length, SbiJpegColours colours, uint8_t* pixels, size_t capacity,
                     SbiJpegOutcome* outcome) {
  Decoding self;
  begin(self, data, outcome);
  const bool done = could_decode(self, data, length, colours, pixels, capacity);
  const uint32_t rows = self.info.output_scanline;
  jpeg_destroy_decompress(&self.info);
  if (done) return true;
  // An error amid an image: rows so far are there.
  if (rows == 0) return false;
  if (outcome->missing == SBI_JPEG_NOTHING) {
    outcome->good_rows = self.damaged ? std::min(outcome->good_rows, rows) : rows;
    outcome->ends_early = self.at_end;
    if (rows < outcome->height || self.damaged) outcome->missing = SBI_JPEG_ROWS;
  }
  return true;
}

uint8_t* sbi_jpeg_encode(const uint8_t* pixels, uint32_t width, uint32_t height, int32_t quality,
                         SbiJpegSampling sampling, size_t* length, SbiJpegOutcome* outcome) {
  Encoding self;
  memset(&self, 0, sizeof self);
  memset(outcome, 0, sizeof *outcome);
  self.outcome = outcome;
  jpeg_std_error(&self.errors);
  self.errors.error_exit = fail_encoding;
  self.errors.emit_message = ignore_warning;
  self.errors.output_message = be_silent;
  self.info.err = &self.errors;
  self.info.client_data = &self;
  const bool done = could_encode(self, pixels, width, height, quality, sampling);
  jpeg_destroy_compress(&self.info);
  if (!done) {
    free(self.bytes);
    return nullptr;
  }
  *length = self.length;
  return self.bytes;
}
