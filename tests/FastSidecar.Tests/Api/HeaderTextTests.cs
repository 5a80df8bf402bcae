using System.Text;
using FastSidecar.Api.Http;
using Xunit;

namespace FastSidecar.Tests.Api;

public sealed class HeaderTextTests
{
    [Fact]
    public void TextsOfEveryLength_AreTheirOwnWhateverWasSeenBefore()
    {
        var random = new Random(1);
        for (var length = 0; length < 100; length++)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            Assert.Equal(Encoding.Latin1.GetString(bytes), HeaderText.Of(bytes));

            // One bit away, at every place, with what was there before remembered or not.
            for (var i = 0; i < length; i++)
            {
                bytes[i] ^= (byte)(1 << random.Next(8));
                Assert.Equal(Encoding.Latin1.GetString(bytes), HeaderText.Of(bytes));
            }
        }
    }

    [Theory]
    [InlineData("a")]
    [InlineData("Content-Type")]
    [InlineData("seven77")]
    [InlineData("eight888")]
    [InlineData("text/plain; charset=utf-8")]
    [InlineData("\u00e4\u00f6\u00fc Latin-1 \u00ff")]
    public void RepeatedText_IsTheSameString(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        Assert.Same(HeaderText.Of(bytes), HeaderText.Of(bytes));
    }

    [Theory]
    [InlineData("Date")]
    [InlineData("date")]
    [InlineData("Data")]
    [InlineData("Server")]
    [InlineData("Traceparent")]
    [InlineData("Tracestates")]
    [InlineData("Content-Type")]
    [InlineData("Content-type")]
    [InlineData("")]
    public void Name_IsSpeltAsItCame(string name) => Assert.Equal(name, HeaderText.OfName(Encoding.Latin1.GetBytes(name)));

    [Fact]
    public void ResponseFieldsEncoding_IsLatin1()
    {
        var encoding = new HeaderEncoding();
        var text = new string([.. Enumerable.Range(0, 256).Select(i => (char)i)]);
        Assert.Equal(Encoding.Latin1.GetByteCount(text), encoding.GetByteCount(text));
        Assert.Equal(Encoding.Latin1.GetBytes(text), encoding.GetBytes(text));
        Assert.Equal(text, encoding.GetString(encoding.GetBytes(text)));
    }

    [Fact]
    public void TextsThatDifferInOnePlace_DoNotPushEachOtherOut()
    {
        // Numbered names and values, as a set of apps would send them: most of a few dozen are remembered together.
        for (var length = 8; length <= 24; length += 8)
        {
            var texts = Enumerable.Range(0, 40).Select(i => Encoding.Latin1.GetBytes($"{i:d3}".PadLeft(length, 'x'))).ToArray();
            var first = texts.Select(t => HeaderText.Of(t)).ToArray();
            Assert.InRange(texts.Where((t, i) => ReferenceEquals(first[i], HeaderText.Of(t))).Count(), 30, 40);
        }
    }
}
