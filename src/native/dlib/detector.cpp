// dlib behind a C interface: its frontal face detector on an image doubled once, and its shape predictor.
//
// Images are [height, width, 3] bytes, RGB. Rectangles are left, top, right, bottom, all inside. Functions that can
// fail return null or false and set `error` to a message that the caller frees.

#include <dlib/geometry.h>
#include <dlib/image_processing.h>
#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_transforms.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

#include "native/guarded.h"
#include "scan/scan.h"

namespace {

// An image that somebody else holds, as dlib sees images.
struct RgbView {
  const dlib::rgb_pixel* pixels;
  long rows, cols;
};
inline long num_rows(const RgbView& image) { return image.rows; }
inline long num_columns(const RgbView& image) { return image.cols; }
inline const void* image_data(const RgbView& image) { return image.pixels; }
inline long width_step(const RgbView& image) { return image.cols * 3; }

}  // namespace

namespace dlib {
template <>
struct image_traits<RgbView> {
  typedef rgb_pixel pixel_type;
};
}  // namespace dlib

namespace {

RgbView view(const uint8_t* rgb, int64_t height, int64_t width) {
  static_assert(sizeof(dlib::rgb_pixel) == 3, "pixels are packed");
  return {reinterpret_cast<const dlib::rgb_pixel*>(rgb), static_cast<long>(height), static_cast<long>(width)};
}

using sbi::guarded;

typedef std::vector<dlib::rectangle> Rectangles;
typedef dlib::pyramid_down<6> Pyramid;

// The trained detector, and its filters in the form that scan.cpp scans with.
struct FaceDetector {
  dlib::frontal_face_detector detector = dlib::get_frontal_face_detector();
  std::vector<sbi_scan::Filter> filters;
  std::vector<double> thresholds;
  std::vector<uint8_t> orientation;
  sbi_scan::Model model;
  bool fits = true;  // whether scan.cpp knows this kind of detector

  FaceDetector() {
    using namespace sbi_scan;
    const auto& scanner = detector.get_scanner();
    const unsigned long dims = scanner.get_num_dimensions();
    fits = scanner.get_cell_size() == 8 && dims == PLANES * TAPS * TAPS;
    for (int plane = 0; plane < PLANES && fits; plane++) {
      model.first[plane] = static_cast<int32_t>(filters.size());
      for (unsigned long d = 0; d < detector.num_detectors(); d++) {
        const auto& bank = detector.get_processed_w(d).get_detect_argument();
        fits = fits && bank.row_filters.size() == PLANES;
        for (size_t i = 0; fits && i < bank.row_filters[plane].size(); i++) {
          Filter filter;
          filter.detector = static_cast<int32_t>(d);
          fits = bank.row_filters[plane][i].size() == TAPS && bank.col_filters[plane][i].size() == TAPS;
          for (int n = 0; n < TAPS && fits; n++) {
            filter.row[n] = bank.row_filters[plane][i](n);
            filter.col[n] = bank.col_filters[plane][i](n);
          }
          filters.push_back(filter);
        }
      }
    }
    model.first[PLANES] = static_cast<int32_t>(filters.size());
    for (unsigned long d = 0; d < detector.num_detectors(); d++) {
      thresholds.push_back(detector.get_w(d)(dims));
    }
    fill_orientation();
    model.filters = filters.data();
    model.detectors = static_cast<int32_t>(thresholds.size());
    model.thresholds = thresholds.data();
    model.orientation = orientation.data();
  }

  // The one of 18 directions that is nearest to each gradient, ties as dlib breaks them.
  void fill_orientation() {
    using namespace sbi_scan;
    const float direction[ORIENTATIONS / 2][2] = {
        {1.0000, 0.0000},  {0.9397, 0.3420},  {0.7660, 0.6428},  {0.500, 0.8660},   {0.1736, 0.9848},
        {-0.1736, 0.9848}, {-0.5000, 0.8660}, {-0.7660, 0.6428}, {-0.9397, 0.3420},
    };
    orientation.resize(GRADIENTS * GRADIENTS);
    for (int gy = -256; gy < 256; gy++) {
      for (int gx = -256; gx < 256; gx++) {
        float best = 0;
        int best_direction = 0;
        for (int o = 0; o < ORIENTATIONS / 2; o++) {
          const float dot = gx * direction[o][0] + gy * direction[o][1];
          if (dot > best) {
            best = dot;
            best_direction = o;
          }
          if (-dot > best) {
            best = -dot;
            best_direction = o + ORIENTATIONS / 2;
          }
        }
        orientation[(gy + 256) * GRADIENTS + gx + 256] = static_cast<uint8_t>(best_direction);
      }
    }
  }

  // What dlib's own detector finds. It keeps an image while it works: a copy, so that threads can share this object.
  Rectangles detect_plain(const RgbView& image) const {
    dlib::frontal_face_detector own = detector;
    dlib::array2d<dlib::rgb_pixel> doubled;
    dlib::pyramid_up(image, doubled, dlib::pyramid_down<2>());
    Rectangles found = own(doubled);
    for (auto& rectangle : found) rectangle = dlib::pyramid_down<2>().rect_down(rectangle);
    return found;
  }

  // What dlib's own detector finds, by a faster scan.
  Rectangles detect(const RgbView& image, sbi_scan::Scan* scan) const {
    if (!fits || !scan) return detect_plain(image);
    const dlib::rectangle up = dlib::pyramid_down<2>().rect_up(dlib::rectangle(0, 0, image.cols - 1, image.rows - 1));
    const auto& scanner = detector.get_scanner();
    const Pyramid pyramid;
    dlib::rectangle rest(0, 0, up.right(), up.bottom());
    unsigned long levels = 0;
    do {
      rest = pyramid.rect_down(rest);
      levels++;
    } while (rest.width() >= scanner.get_min_pyramid_layer_width() &&
             rest.height() >= scanner.get_min_pyramid_layer_height() && levels < scanner.get_max_pyramid_levels());
    sbi_scan::Hits hits = {nullptr, 0, 0};
    const std::unique_ptr<sbi_scan::Hits, void (*)(sbi_scan::Hits*)> owner(&hits, [](sbi_scan::Hits* h) { std::free(h->items); });
    const auto* rgb = reinterpret_cast<const uint8_t*>(image.pixels);
    if (!scan(model, rgb, image.rows, image.cols, up.bottom() + 1, up.right() + 1, static_cast<int32_t>(levels), &hits)) {
      throw std::bad_alloc();
    }
    return strongest(hits);
  }

  // Windows to rectangles of the image, then the best of those that overlap.
  Rectangles strongest(const sbi_scan::Hits& hits) const {
    const auto& scanner = detector.get_scanner();
    const long padding = scanner.get_padding();
    const long side = sbi_scan::TAPS - 2 * padding;
    std::vector<dlib::rect_detection> found;
    for (int64_t i = 0; i < hits.count; i++) {
      const sbi_scan::Hit& hit = hits.items[i];
      dlib::rectangle rectangle = dlib::centered_rect(dlib::point(hit.col, hit.row), side, side);
      rectangle = dlib::fhog_to_image(rectangle, scanner.get_cell_size(), sbi_scan::TAPS, sbi_scan::TAPS);
      dlib::rect_detection detection;
      detection.rect = Pyramid().rect_up(rectangle, hit.level);
      detection.detection_confidence = hit.score - thresholds[hit.detector];
      detection.weight_index = hit.detector;
      found.push_back(detection);
    }
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return b < a; });
    const dlib::test_box_overlap overlaps = detector.get_overlap_tester();
    Rectangles kept;
    for (const auto& detection : found) {
      const auto meets = [&](const dlib::rectangle& other) { return overlaps(other, detection.rect); };
      if (std::none_of(kept.begin(), kept.end(), meets)) kept.push_back(detection.rect);
    }
    for (auto& rectangle : kept) rectangle = dlib::pyramid_down<2>().rect_down(rectangle);
    return kept;
  }
};

}  // namespace

extern "C" {

void* sbi_dlib_detector_new(char** error) {
  return guarded(error, [] { return static_cast<void*>(new FaceDetector()); });
}

void sbi_dlib_detector_free(void* detector) { delete static_cast<FaceDetector*>(detector); }

// Finds the faces, most certain first. `scan`: a build of scan.cpp that this processor runs, or null for dlib's own.
// `found` receives a malloc'ed array of `count` times four numbers.
bool sbi_dlib_detect(const void* detector, const uint8_t* rgb, int64_t height, int64_t width, sbi_scan::Scan* scan,
                     int64_t** found, int64_t* count, char** error) {
  return guarded(error, [&] {
    const auto* faces = static_cast<const FaceDetector*>(detector);
    const Rectangles rectangles = faces->detect(view(rgb, height, width), scan);
    auto* numbers = static_cast<int64_t*>(std::malloc(sizeof(int64_t) * 4 * (rectangles.size() + 1)));
    if (!numbers) throw std::bad_alloc();
    *found = numbers;
    *count = static_cast<int64_t>(rectangles.size());
    for (const auto& r : rectangles) {
      for (long edge : {r.left(), r.top(), r.right(), r.bottom()}) *numbers++ = edge;
    }
    return true;
  });
}

void* sbi_dlib_shape_load(const char* path, char** error) {
  return guarded(error, [&] {
    auto shape = std::make_unique<dlib::shape_predictor>();
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("the file cannot be opened");
    dlib::deserialize(*shape, file);
    return static_cast<void*>(shape.release());
  });
}

void sbi_dlib_shape_free(void* shape) { delete static_cast<dlib::shape_predictor*>(shape); }

int64_t sbi_dlib_shape_points(const void* shape) {
  return static_cast<int64_t>(static_cast<const dlib::shape_predictor*>(shape)->num_parts());
}

// The points of the face in a rectangle: x, y for each of sbi_dlib_shape_points.
bool sbi_dlib_shape_predict(const void* shape, const uint8_t* rgb, int64_t height, int64_t width,
                            const int64_t* rectangle, int64_t* points, char** error) {
  return guarded(error, [&] {
    const dlib::rectangle rect(rectangle[0], rectangle[1], rectangle[2], rectangle[3]);
    const auto found = (*static_cast<const dlib::shape_predictor*>(shape))(view(rgb, height, width), rect);
    for (unsigned long i = 0; i < found.num_parts(); i++) {
      *points++ = found.part(i).x();
      *points++ = found.part(i).y();
    }
    return true;
  });
}

}  // extern "C"
