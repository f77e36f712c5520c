// Detects in images with a model of DriveMeta: client IMAGE.ppm...
// Needs ONNX Runtime only. Images are binary PPM (P6), which ffmpeg and ImageMagick write.
// Prints one line for each object: image, class, score, x1, y1, x2, y2.
#include <onnxruntime_cxx_api.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Image {
  int64_t height = 0;
  int64_t width = 0;
  std::vector<uint8_t> bgr;
};

Image read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  int64_t most = 0;
  Image image;
  file >> magic >> image.width >> image.height >> most;
  file.get();
  if (!file || magic != "P6" || most != 255 || image.width < 1 || image.height < 1 ||
      image.width > 100000 || image.height > 100000) {
    throw std::runtime_error(path + ": expected a PPM (P6) of 8 bits");
  }
  image.bgr.resize(static_cast<size_t>(image.width * image.height * 3));
  file.read(reinterpret_cast<char*>(image.bgr.data()),
            static_cast<std::streamsize>(image.bgr.size()));
  if (file.gcount() != static_cast<std::streamsize>(image.bgr.size())) {
    throw std::runtime_error(path + ": truncated");
  }
  for (size_t i = 0; i < image.bgr.size(); i += 3) std::swap(image.bgr[i], image.bgr[i + 2]);
  return image;
}

std::vector<std::string> read_labels(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) names.push_back(line);
  if (names.empty()) throw std::runtime_error(path + ": expected one class name a line");
  return names;
}

void detect(Ort::Session& session, const std::vector<std::string>& names, const std::string& path) {
  Image image = read_ppm(path);
  const std::vector<int64_t> shape{1, image.height, image.width, 3};
  auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  Ort::Value frames = Ort::Value::CreateTensor<uint8_t>(
      memory, image.bgr.data(), image.bgr.size(), shape.data(), shape.size());
  const char* inputs[] = {"frames"};
  const char* outputs[] = {"boxes", "scores", "labels", "count"};
  auto found = session.Run(Ort::RunOptions{nullptr}, inputs, &frames, 1, outputs, 4);
  const float* boxes = found[0].GetTensorData<float>();
  const float* scores = found[1].GetTensorData<float>();
  const int64_t* labels = found[2].GetTensorData<int64_t>();
  const int64_t n = *found[3].GetTensorData<int64_t>();
  for (int64_t i = 0; i < n; ++i) {
    std::cout << path << '\t' << names.at(static_cast<size_t>(labels[i])) << '\t' << scores[i];
    for (int64_t k = 0; k < 4; ++k) std::cout << '\t' << boxes[4 * i + k];
    std::cout << '\n';
  }
}

// ONNX Runtime's own builds report to their maker unless this is set before the environment is made.
void report_nothing() {
#ifdef _WIN32
  _putenv_s("ORT_DISABLE_TELEMETRY", "1");
#else
  setenv("ORT_DISABLE_TELEMETRY", "1", 0);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: client IMAGE.ppm... (beside model.onnx and labels.txt)\n";
    return 2;
  }
  try {
    std::cout.precision(9);
    report_nothing();
    Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "drivemeta");  // it warns of inputs that need no feeding
    Ort::Session session(env, ORT_TSTR("model.onnx"), Ort::SessionOptions{});
    const auto names = read_labels("labels.txt");
    for (int i = 1; i < argc; ++i) detect(session, names, argv[i]);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
