using FastSidecar.Integration.Grpc;
using Xunit;

namespace FastSidecar.Integration.Samples;

/// <summary>A fact for the sample whose programs use gRPC packages; counted as skipped, with the reason, where it cannot run.</summary>
internal sealed class GrpcSampleFactAttribute : FactAttribute
{
    public GrpcSampleFactAttribute()
    {
        Skip = new BinaryFactAttribute(needsNetwork: true).Skip ?? GrpcPrograms.Problem;
    }
}
