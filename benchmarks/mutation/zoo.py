"""Which models of each library are run. Lists of names, by the size of the image where that differs."""

from __future__ import annotations

TORCHVISION = """
    resnet18 resnet50 wide_resnet50_2 resnext50_32x4d vgg11_bn vgg16_bn densenet121 googlenet inception_v3
    mobilenet_v2 mobilenet_v3_small mobilenet_v3_large mnasnet0_5 mnasnet1_0 shufflenet_v2_x0_5 efficientnet_b0
    efficientnet_v2_s regnet_x_400mf regnet_y_400mf maxvit_t quantization.resnet18 quantization.resnet50
    quantization.mobilenet_v2 quantization.mobilenet_v3_large quantization.shufflenet_v2_x0_5
    quantization.googlenet quantization.inception_v3 segmentation.fcn_resnet50 segmentation.deeplabv3_resnet50
    segmentation.deeplabv3_mobilenet_v3_large segmentation.lraspp_mobilenet_v3_large
"""
TORCHVISION_VIDEO = "r3d_18 mc3_18 r2plus1d_18 s3d"
#: Detectors need targets to be trained; their backbones do not.
TORCHVISION_BACKBONES = """
    ssdlite320_mobilenet_v3_large fasterrcnn_resnet50_fpn_v2 fasterrcnn_mobilenet_v3_large_fpn ssd300_vgg16
"""

PRETRAINEDMODELS = """
    fbresnet152 bninception inceptionv4 inceptionresnetv2 densenet121 resnet18 nasnetamobile
    nasnetalarge dpn68 dpn68b dpn92 xception senet154 se_resnet50 se_resnext50_32x4d cafferesnet101 pnasnet5large
    polynet
"""

SEGMENTATION_ARCHITECTURES = "Unet UnetPlusPlus MAnet Linknet FPN PSPNet DeepLabV3 DeepLabV3Plus PAN UPerNet"
SEGMENTATION_ENCODERS = """
    resnet34 resnext50_32x4d dpn68 vgg11_bn senet154 se_resnet50 densenet121 inceptionresnetv2 inceptionv4
    efficientnet-b0 mobilenet_v2 xception timm-efficientnet-b0 timm-skresnet18 mit_b0 mobileone_s0 mobileone_s4
    tu-resnet18 tu-mobilenetv3_small_100
"""

TORCHREID = """
    resnet18 resnet50_fc512 se_resnet50 densenet121 inceptionresnetv2 inceptionv4 xception resnet50_ibn_a nasnsetmobile
    mobilenetv2_x1_0 shufflenet squeezenet1_0_fc512 shufflenet_v2_x1_0 mudeep resnet50mid hacnn pcb_p6 mlfn osnet_x1_0
    osnet_ibn_x1_0 osnet_ain_x1_0
"""
TORCHSAT = """
    classification.densenet.densenet121 classification.mobilenet.mobilenet_v2 classification.resnet.resnet18
    classification.resnet.resnet50 classification.vgg.vgg11_bn segmentation.unet.unet34
"""

TIMM = {
    224: """
        convmixer_768_32 cpubone_b0_bfrobust cspnext_l densenet121 dla34 dpn48b efficientformer_l1
        efficientformerv2_l efficientnet_b0 efficientvim_m1 efficientvit_b0 efficientvit_m0 fasternet_l ghostnet_050
        hardcorenas_a hgnet_base hrnet_w18 iformer_h inception_next_atto lcnetv2_base levit_128 lowformer_b0
        coatnet_0_224 fbnetv3_b nextvit_base regnetv_040 repghostnet_050 repvit_m0_9 res2net50_14w_8s resnest14d
        resnetv2_18 rexnet_100 selecsls42 legacy_senet154 shvit_s1 skresnet18 starnet_s1 swiftformer_l1
        tiny_vit_5m_224 tresnet_l visformer_small vit_base_mci_224 volo_d1_224 eca_vovnet39b xcit_large_24_p8_224
        resnet18 mobilenetv2_100 mixnet_s seresnet50 dla60_res2net regnety_004 repvgg_a0 gernet_s resnet50d
        mobileone_s0 vovnet39a ese_vovnet19b_dw vgg11_bn levit_conv_128s seresnextaa101d_32x8d hgnetv2_b0
        mobilenetv4_conv_small mobilenetv3_small_100 lcnet_050 tinynet_e maxvit_tiny_rw_224 efficientvit_l1
    """,
    256: """
        botnet26t_256 bat_resnext26ts cs3darknet_focus_l fastvit_ma36 mobilevit_s ecaresnet26t cspresnet50 darknet53
        halonet26t lambda_resnet26t mobilevitv2_050 fastvit_t8 edgenext_small
    """,
    299: """
        inception_resnet_v2 inception_v3 inception_v4 legacy_xception xception41
    """,
    331: """
        nasnetalarge pnasnet5large
    """,
}

PYTORCHCV = {
    32: """
        densenet40_k12_cifar10 diaresnet20_cifar10 fractalnet_cifar10 preresnet20_cifar10 msdnet22_cifar10
        pyramidnet110_a48_cifar10 resnet20_cifar10 resnext20_16x4d_cifar10 ror3_56_cifar10 sepreresnet20_cifar10
        seresnet20_cifar10 shakedropresnet20_cifar10 shakeshakeresnet20_2x16d_cifar10 wrn16_10_cifar10
    """,
    224: """
        airnet50_1x64d_r2 airnext50_32x4d_r2 bagnet9 bam_resnet18 bninception cbam_resnet18 centernet_resnet18_voc
        cgnet_cityscapes channelnet condensenet74_c4_g4 ctxnet_cityscapes dabnet_cityscapes darknet_ref darknet53
        darts densenet121 diapreresnet10 diaresnet10 dicenet_wd5 dla34 dpn68 drnc26 edanet_cityscapes
        efficientnet_b0 efficientnet_edge_small_b enet_cityscapes erfnet_cityscapes esnet_cityscapes
        espcnet_cityscapes espnetv2_wd2 fastseresnet101b fbnet_cb fcn8sd_resnetd50b_voc fdmobilenet_w1 fishnet99
        fpenet_cityscapes ghostnet hardnet39ds hrnet_w18_small_v1 ibnb_resnet50 ibn_densenet121 ibn_resnet50
        ibn_resnext50_32x4d igcv3_w1 irevnet301 isqrtcovresnet18 linknet_cityscapes
        lwopenpose2d_mobilenet_cmupan_coco menet108_8x1_g3 mixnet_s mnasnet_b1 mobilenet_w1 mobilenetb_w1
        mobilenetv2_w1 mobilenetv3_small_w7d20 msdnet22 nasnet_4a1056 octresnet10_ad2 peleenet preresnet10 prnet
        proxylessnas_cpu pyramidnet101_a360 regnetx002 resattnet56 resnestabc14 resnet10 resneta10 resnetd50b
        resnext14_16x4d revnet38 rir_cifar10 scnet50 segnet_cityscapes selecsls42 senet16 sepreresnet10 seresnet10
        seresnext50_32x4d sharesnet18 shufflenet_g1_w1 shufflenetv2_wd2 shufflenetv2b_wd2 sknet50 sparsenet121
        spnasnet sqnxt23_w1 tresnet_m unet_cityscapes vovnet27s wrn20_10_1bit_cifar10
    """,
    299: """
        inceptionresnetv1 inceptionresnetv2 inceptionv3 inceptionv4 xception
    """,
    331: """
        polynet pnasnet5large
    """,
}
