#pragma once

namespace sluice {

/// Which share of the latest records became dead letters. Counts records, not time: a pipeline that
/// was fed nothing but rejects before it fell idle still needs somebody. Used by one thread at a
/// time.
class RejectShare {
public:
    void add(double loaded, double rejected) {
        loaded_ += loaded;
        rejected_ += rejected;
        if (const double sum = loaded_ + rejected_; sum > window) {
            loaded_ *= window / sum;
            rejected_ *= window / sum;
        }
    }
    [[nodiscard]] bool nearly_all() const {
        return rejected_ >= least && rejected_ >= much * (loaded_ + rejected_);
    }

private:
    static constexpr double window = 1000;
    static constexpr double least = 10;
    static constexpr double much = 0.9;

    double loaded_ = 0;
    double rejected_ = 0;
};

}  // namespace sluice
