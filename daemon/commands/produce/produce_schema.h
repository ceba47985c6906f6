#pragma once

#include "config/config.h"
#include "daemon/commands/produce/produce_request.h"
#include "pipeline/encode/record_encoder.h"

#include <memory>

namespace sluice {

/// By which schema the values are to be written, found as the command line or the pipeline says;
/// null: they are what the file has. Throws WrongConfiguration, TroubleOfTheWorld where the
/// registry does not answer.
[[nodiscard]] std::unique_ptr<RecordEncoder> encoder_for(const ProduceRequest& request,
                                                         const config::Config& config);

}  // namespace sluice
