// dlib's face recognition network behind a C interface: its parameters, and its own forward pass for comparison.
//
// A translation unit of its own, because a network is one type of some hundred nested templates and compiles slowly.
// Functions that can fail return null or false and set `error` to a message that the caller frees.

#include <dlib/dnn.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <streambuf>
#include <vector>

#include "native/guarded.h"

namespace {

using sbi::guarded;

// The network as the file has it, from the output at the top to the input. A residual block that halves its map adds
// the average of each 2 x 2 pixels.
template <long N, int STRIDE, typename BELOW>
using Conv3 = dlib::affine<dlib::con<N, 3, 3, STRIDE, STRIDE, BELOW>>;
template <long N, typename BELOW>
using Block = dlib::relu<dlib::add_prev1<Conv3<N, 1, dlib::relu<Conv3<N, 1, dlib::tag1<BELOW>>>>>>;
template <long N, typename BELOW>
using Halving = dlib::relu<dlib::add_prev2<dlib::avg_pool<
    2, 2, 2, 2, dlib::skip1<dlib::tag2<Conv3<N, 1, dlib::relu<Conv3<N, 2, dlib::tag1<BELOW>>>>>>>>>;

constexpr long SIDE = 150;
constexpr long EMBEDDING = 128;
using Stem = dlib::max_pool<3, 3, 2, 2, dlib::relu<dlib::affine<dlib::con<32, 7, 7, 2, 2, dlib::input_rgb_image_sized<SIDE>>>>>;
using Stage1 = Block<32, Block<32, Block<32, Stem>>>;
using Stage2 = Block<64, Block<64, Block<64, Halving<64, Stage1>>>>;
using Stage3 = Block<128, Block<128, Halving<128, Stage2>>>;
using Stage4 = Block<256, Block<256, Halving<256, Stage3>>>;
using Stage5 = Halving<256, Stage4>;
using Network = dlib::loss_metric<dlib::fc_no_bias<EMBEDDING, dlib::avg_pool_everything<Stage5>>>;

// Numbers that a network owns.
struct Numbers {
  const float* data;
  size_t count;
};

// Lists the parameters of the layers it visits: filters and biases of a convolution as one; of an affine layer, which
// dlib does not count among those that have parameters, offsets and then factors.
struct Collector {
  std::vector<Numbers>* found;

  void operator()(const dlib::affine_& layer) const {
    add(layer.get_beta().get());
    add(layer.get_gamma().get());
  }
  template <typename LAYER>
  void operator()(const LAYER& layer) const {
    add(layer.get_layer_params());
  }

 private:
  void add(const dlib::tensor& tensor) const {
    if (tensor.size() != 0) found->push_back({tensor.host(), tensor.size()});
  }
};

// A file as a stream. dlib asks for millions of numbers one by one, and a file's own stream takes longer over each than all
// the rest of the reading.
class File final : public std::streambuf {
 public:
  explicit File(const char* path) : file(path, std::ios::binary), piece(256 << 10) {
    if (!file) throw std::runtime_error("the file cannot be opened");
  }

 protected:
  int_type underflow() override {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    setg(piece.data(), piece.data(), piece.data() + file.gcount());
    return gptr() == egptr() ? traits_type::eof() : traits_type::to_int_type(*gptr());
  }

  std::streamsize xsgetn(char* to, std::streamsize wanted) override {
    constexpr std::streamsize NUMBER = sizeof(float);
    if (wanted == NUMBER && egptr() - gptr() >= NUMBER) {
      std::memcpy(to, gptr(), NUMBER);
      gbump(NUMBER);
      return NUMBER;
    }
    return std::streambuf::xsgetn(to, wanted);
  }

 private:
  std::ifstream file;
  std::vector<char> piece;
};

struct FaceNet {
  Network network;
  std::vector<Numbers> parameters;  // from the input to the output

  explicit FaceNet(std::istream& file) {
    dlib::deserialize(network, file);
    dlib::visit_computational_layers(network, Collector{&parameters});
    std::reverse(parameters.begin(), parameters.end());
  }
};

}  // namespace

extern "C" {

void* sbi_dlib_face_net_load(const char* path, char** error) {
  return guarded(error, [&] {
    File bytes(path);
    std::istream file(&bytes);
    return static_cast<void*>(std::make_unique<FaceNet>(file).release());
  });
}

void sbi_dlib_face_net_free(void* net) { delete static_cast<FaceNet*>(net); }

// The mean colour that is taken from faces: red, green, blue in 0..255.
void sbi_dlib_face_net_mean(const void* net, float* rgb) {
  const auto& input = dlib::input_layer(static_cast<const FaceNet*>(net)->network);
  rgb[0] = input.get_avg_red();
  rgb[1] = input.get_avg_green();
  rgb[2] = input.get_avg_blue();
}

int64_t sbi_dlib_face_net_parameters(const void* net) {
  return static_cast<int64_t>(static_cast<const FaceNet*>(net)->parameters.size());
}

// A group of parameters, flat, from the input to the output: for each convolution its filters and biases, then the
// factors, then the offsets of the affine layer behind it; at last the linear layer. They live as long as the network.
const float* sbi_dlib_face_net_parameter(const void* net, int64_t at, int64_t* count) {
  const Numbers& numbers = static_cast<const FaceNet*>(net)->parameters[at];
  *count = static_cast<int64_t>(numbers.count);
  return numbers.data;
}

// The embedding, EMBEDDING numbers, of a face: [SIDE, SIDE, 3] bytes, RGB. Not for two threads at once.
bool sbi_dlib_face_net_embed(void* net, const uint8_t* rgb, float* embedding, char** error) {
  return guarded(error, [&] {
    dlib::matrix<dlib::rgb_pixel> face(SIDE, SIDE);
    for (auto& pixel : face) {
      pixel = dlib::rgb_pixel(rgb[0], rgb[1], rgb[2]);
      rgb += 3;
    }
    const auto& found = static_cast<FaceNet*>(net)->network(face);
    if (found.size() != EMBEDDING) throw std::runtime_error("the network gives other than 128 numbers");
    std::copy(found.begin(), found.end(), embedding);
    return true;
  });
}

}  // extern "C"
