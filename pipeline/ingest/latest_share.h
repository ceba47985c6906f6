#pragma once

namespace sluice {

/// Which share of the latest records were of one kind, such as rejects. Counts records, not time: a
/// pipeline that was fed nothing else before it fell idle still needs somebody. Used by one thread
/// at a time.
class LatestShare {
public:
    void add(double of_the_kind, double others) {
        of_it_ += of_the_kind;
        others_ += others;
        if (const double sum = of_it_ + others_; sum > window) {
            of_it_ *= window / sum;
            others_ *= window / sum;
        }
    }
    [[nodiscard]] bool nearly_all() const {
        return of_it_ >= least && of_it_ >= much * (of_it_ + others_);
    }
    /// No record of another kind among the latest, but for a trace of what was before them.
    [[nodiscard]] bool all() const { return of_it_ >= least && others_ <= of_it_ / 200; }

private:
    static constexpr double window = 1000;
    static constexpr double least = 10;
    static constexpr double much = 0.9;

    double of_it_ = 0;
    double others_ = 0;
};

}  // namespace sluice
