// Packed weights in safetensors files: a U8 tensor `<parameter>.lacuna.<stream>` for each stream, padded to a multiple
// of 64 bytes and followed by 64 more, so that all start aligned and may be read a vector beyond their ends.
#pragma once

#include <string>
#include <vector>

#include "io/model_files.h"
#include "io/safetensors_writer.h"
#include "weights/packed_weight.h"

namespace lacuna {

inline constexpr char kLayoutKey[] = "lacuna.layout_version";      // in the file's metadata
inline constexpr char kContractKey[] = "lacuna.contract_version";  // likewise
std::map<std::string, std::string> PackedMetadata();

std::string StreamTensorName(const std::string& parameter, Stream stream);
// For SafetensorsWriter::CreateGrowing.
uint64_t PackedHeaderBytes(const std::string& parameter);
Status AppendPacked(const std::string& parameter, const PackedWeight& weight, SafetensorsWriter* writer);

bool HasPacked(const ModelFiles& files, const std::string& parameter);
// The weight with its streams in the mapped file: sizes and alignment are checked, contents are not (ValidatePacked).
// The names of the tensors used are added to `used`.
Result<PackedWeight> OpenPacked(const ModelFiles& files, const std::string& parameter, int64_t n, int64_t k,
                                const Codec& codec, std::vector<std::string>* used = nullptr);

}  // namespace lacuna
