// Sources: ISO 16684-1 and XMP part 2 (dc, xmp, xmpRights, xmpMM, photoshop, tiff, exif, aux), CIPA
// DC-010 (exifEX), IPTC Photo Metadata Standard (Iptc4xmpCore, Iptc4xmpExt), PLUS LDF (plus).
#include "codecs/metadata/xmp_properties.hpp"

#include "codecs/metadata/xmp.hpp"

namespace darkroom::codecs {

namespace {

// Not here: `coverage` of dc; City, State and Country of photoshop; SubjectLocation and all GPS of
// exif; CountryCode, Location and the members of CreatorContactInfo that are an address.
constexpr known_properties table[] = {
    {xmp_uri::dc, "dc",
     "contributor creator date description format identifier language publisher relation rights "
     "source subject title type",
     "creator rights"},
    {xmp_uri::xmp, "xmp",
     "CreateDate CreatorTool Identifier Label MetadataDate ModifyDate Nickname Rating", ""},
    {xmp_uri::rights, "xmpRights", "Certificate Marked Owner UsageTerms WebStatement",
     "Certificate Marked Owner UsageTerms WebStatement"},
    {"http://ns.adobe.com/xap/1.0/mm/", "xmpMM",
     "DocumentID InstanceID OriginalDocumentID VersionID", ""},
    {xmp_uri::photoshop, "photoshop",
     "AuthorsPosition CaptionWriter Category ColorMode Credit DateCreated Headline ICCProfile "
     "Instructions Source SupplementalCategories TransmissionReference Urgency",
     "AuthorsPosition Credit Source"},
    {xmp_uri::tiff, "tiff",
     "Artist BitsPerSample Compression Copyright DateTime ImageDescription ImageLength ImageWidth "
     "Make Model Orientation PhotometricInterpretation PlanarConfiguration PrimaryChromaticities "
     "ReferenceBlackWhite ResolutionUnit SamplesPerPixel Software TransferFunction WhitePoint "
     "XResolution YCbCrCoefficients YCbCrPositioning YCbCrSubSampling YResolution",
     "Artist Copyright"},
    {xmp_uri::exif, "exif",
     "ApertureValue BrightnessValue CFAPattern ColorSpace Columns ComponentsConfiguration "
     "CompressedBitsPerPixel Contrast CustomRendered DateTimeDigitized DateTimeOriginal "
     "DigitalZoomRatio ExifVersion ExposureBiasValue ExposureIndex ExposureMode ExposureProgram "
     "ExposureTime FNumber FileSource Fired Flash FlashEnergy FlashpixVersion FocalLength "
     "FocalLengthIn35mmFilm FocalPlaneResolutionUnit FocalPlaneXResolution FocalPlaneYResolution "
     "Function GainControl ISOSpeedRatings ImageUniqueID LightSource MaxApertureValue "
     "MeteringMode Mode Names OECF PixelXDimension PixelYDimension RedEyeMode Return Rows "
     "Saturation SceneCaptureType SceneType SensingMethod Sharpness ShutterSpeedValue "
     "SpatialFrequencyResponse SpectralSensitivity SubjectArea SubjectDistance "
     "SubjectDistanceRange UserComment Values WhiteBalance",
     ""},
    {"http://cipa.jp/exif/1.0/", "exifEX",
     "BodySerialNumber CameraOwnerName Gamma ISOSpeed ISOSpeedLatitudeyyy ISOSpeedLatitudezzz "
     "InteroperabilityIndex LensMake LensModel LensSerialNumber LensSpecification "
     "PhotographicSensitivity RecommendedExposureIndex SensitivityType StandardOutputSensitivity",
     ""},
    {"http://ns.adobe.com/exif/1.0/aux/", "aux",
     "ApproximateFocusDistance DistortionCorrectionAlreadyApplied Firmware FlashCompensation "
     "ImageNumber IsMergedHDR IsMergedPanorama "
     "LateralChromaticAberrationCorrectionAlreadyApplied Lens LensDistortInfo LensID LensInfo "
     "LensSerialNumber OwnerName SerialNumber VignetteCorrectionAlreadyApplied",
     ""},
    {xmp_uri::iptc_core, "Iptc4xmpCore",
     "AltTextAccessibility CiEmailWork CiTelWork CiUrlWork CreatorContactInfo "
     "ExtDescrAccessibility IntellectualGenre Scene SubjectCode",
     "CiAdrCity CiAdrCtry CiAdrExtadr CiAdrPcode CiAdrRegion CiEmailWork CiTelWork CiUrlWork "
     "CreatorContactInfo"},
    {"http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "Iptc4xmpExt",
     "AddlModelInfo DigImageGUID DigitalSourceType Event MaxAvailHeight MaxAvailWidth "
     "MinorModelAgeDisclosure ModelAge OrganisationInImageCode OrganisationInImageName "
     "PersonInImage",
     ""},
    {"http://ns.useplus.org/ldf/xmp/1.0/", "plus",
     "CopyrightOwner CopyrightOwnerID CopyrightOwnerName CopyrightStatus CreditLineRequired "
     "DataMining ImageCreator ImageCreatorID ImageCreatorName ImageSupplier ImageSupplierID "
     "ImageSupplierName Licensor LicensorEmail LicensorID LicensorName LicensorTelephone1 "
     "LicensorTelephone2 LicensorURL MinorModelAgeDisclosure ModelReleaseStatus "
     "PropertyReleaseStatus TermsAndConditionsText TermsAndConditionsURL",
     "CopyrightOwner CopyrightOwnerID CopyrightOwnerName CopyrightStatus CreditLineRequired "
     "DataMining ImageCreator ImageCreatorID ImageCreatorName ImageSupplier ImageSupplierID "
     "ImageSupplierName Licensor LicensorCity LicensorCountry LicensorEmail "
     "LicensorExtendedAddress "
     "LicensorID LicensorName LicensorPostalCode LicensorRegion LicensorStreetAddress "
     "LicensorTelephone1 LicensorTelephone2 LicensorURL TermsAndConditionsText "
     "TermsAndConditionsURL"},
    {"http://creativecommons.org/ns#", "cc",
     "attributionName attributionURL license morePermissions useGuidelines",
     "attributionName attributionURL license morePermissions useGuidelines"},
    {"http://ns.adobe.com/lightroom/1.0/", "lr", "hierarchicalSubject weightedFlatSubject", ""},
    {"http://www.digikam.org/ns/1.0/", "digiKam",
     "ColorLabel PickLabel TagsList CaptionsAuthorNames CaptionsDateTimeStamps", ""},
    {"http://ns.microsoft.com/photo/1.0/", "MicrosoftPhoto",
     "DateAcquired LastKeywordIPTC LastKeywordXMP Rating", ""},
    // How a viewer shows a panorama; the direction of the camera is left out.
    {"http://ns.google.com/photos/1.0/panorama/", "GPano",
     "CaptureSoftware CroppedAreaImageHeightPixels CroppedAreaImageWidthPixels "
     "CroppedAreaLeftPixels CroppedAreaTopPixels ExposureLockUsed FullPanoHeightPixels "
     "FullPanoWidthPixels ProjectionType StitchingSoftware UsePanoramaViewer",
     ""},
};

} // namespace

std::span<const known_properties> xmp_property_table() {
  return table;
}

} // namespace darkroom::codecs
