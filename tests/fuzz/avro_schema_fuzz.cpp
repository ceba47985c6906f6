#include "schemas/avro_schema.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        static_cast<void>(sluice::schemas::parse_avro({reinterpret_cast<const char*>(data), size}));
    } catch (const sluice::schemas::BadSchema&) {
        return 0;
    }
    return 0;
}
